"""Random numbers: one seed, and an independent stream for each purpose.

A stream is derived from (seed, purpose, …), so adding a label or a network never changes the numbers of another one.
There is no global seed, since all users of the app share one process.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derived_seed(seed: int, *purpose: object) -> int:
    """A 63-bit seed for one purpose, the same on all machines and versions of Python."""
    text = "\x1f".join([str(seed), *(str(each) for each in purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *purpose: object) -> np.random.Generator:
    """The random generator for one purpose."""
    return np.random.default_rng(derived_seed(seed, *purpose))
