"""Hashes of cell names, by which a sample of them is drawn alike in every file; all names of a file at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from psmatch_core.data.names.core_names import NAME_PARTS

HASH_BITS = 63
CHARACTERS_AT_ONCE = 2_000_000  # of the names that are hashed together: their numbers stay in the cache
_START, _FACTOR = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MIXERS = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))


def name_hashes(names: Sequence[str]) -> np.ndarray:
    """A hash of the longest part of each name, the one that most likely names the cell, ``(n,)`` of 63 bits.

    Endings and prefixes that are shorter do not change it; of parts with equal length the first counts.

    Source: FNV-1a (Fowler, Noll and Vo) over the characters, its bits mixed by the last step of MurmurHash3 (Appleby).
    """
    hashes = np.zeros(len(names), dtype=np.uint64)
    for at, width in _pieces(names):
        characters = np.array([names[each] for each in at.tolist()], dtype=f"U{max(width, 1)}").view(np.uint32)
        hashes[at] = _longest_part(characters.reshape(at.size, -1))
    shift = np.uint64(33)
    for mixer in _MIXERS:
        hashes = (hashes ^ (hashes >> shift)) * mixer
    return ((hashes ^ (hashes >> shift)) >> np.uint64(64 - HASH_BITS)).astype(np.int64)


def _pieces(names: Sequence[str]) -> Iterator[tuple[np.ndarray, int]]:
    """Positions of names of similar length, and the largest length: a long name must not widen all others."""
    lengths = np.fromiter(map(len, names), dtype=np.int64, count=len(names))
    order = np.argsort(lengths, kind="stable") if lengths.size and lengths.max() > 2 * lengths.mean() else None
    at = 0
    while at < lengths.size:
        here = slice(at, at + max(1, CHARACTERS_AT_ONCE // max(1, int(lengths.max()))))
        if order is not None:
            first = max(1, int(lengths[order[at]]))
            most = min(lengths.size, at + max(1, CHARACTERS_AT_ONCE // first))
            stop = int(np.searchsorted(lengths[order[at:most]], 2 * first, side="right")) + at
            here = slice(at, max(stop, at + 1))
        places = np.arange(lengths.size)[here] if order is None else order[here]
        yield places, int(lengths[places].max())
        at += places.size


def _longest_part(characters: np.ndarray) -> np.ndarray:
    """The unmixed hash of the longest part of each row ``(n,)``; characters ``(n, width)`` are filled up with zeros."""
    n = len(characters)
    is_between = _between_parts(characters)
    run, longest = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    hashed, best = np.full(n, _START), np.full(n, _START)
    for column, stops in zip(characters.T, is_between.T, strict=True):
        hashed = np.where(stops, _START, (hashed ^ column.astype(np.uint64)) * _FACTOR)
        run = np.where(stops, 0, run + 1)
        is_longer = run > longest
        longest, best = np.where(is_longer, run, longest), np.where(is_longer, hashed, best)
    return best


def _between_parts(characters: np.ndarray) -> np.ndarray:
    """Which characters stand between the parts of a name."""
    is_between = np.array([NAME_PARTS.fullmatch(chr(code)) is not None for code in range(128)])
    if not (characters >= 128).any():
        return is_between[characters]
    codes, places = np.unique(characters, return_inverse=True)
    each = np.array([NAME_PARTS.fullmatch(chr(code)) is not None for code in codes.tolist()])
    return each[places].reshape(characters.shape)
