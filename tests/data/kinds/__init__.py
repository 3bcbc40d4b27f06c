"""Kinds of bad and awkward input: each draws new members, in every format that can hold them."""
