"""Random streams: one seed, one independent stream for every purpose.

A stream derives from (seed, purpose, …): adding a label or a member never changes the numbers that
another one draws, and nothing touches a global seed, since all users of the app share one process.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derived_seed(seed: int, *purpose: object) -> int:
    """A 63-bit seed for one purpose, stable across machines and versions of Python."""
    text = "\x1f".join([str(seed), *(str(each) for each in purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *purpose: object) -> np.random.Generator:
    """The random generator of one purpose."""
    return np.random.default_rng(derived_seed(seed, *purpose))
