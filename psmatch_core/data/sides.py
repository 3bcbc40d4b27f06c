"""The two sides of a matching: the source (rows of a plan) and the target (its columns)."""

SIDES = ("source", "target")
