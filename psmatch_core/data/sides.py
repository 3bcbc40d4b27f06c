"""The two sides of a matching: the source (rows of a plan) and the target (its columns); and a third modality."""

SIDES = ("source", "target")
THIRD = "third"  # matched to the cells of the source, as the target is
ALL_SIDES = (*SIDES, THIRD)
