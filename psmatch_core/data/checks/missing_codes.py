"""Codes for missing values, such as 9999 and -999: values that stand alone, far from all others of their feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

# What programs write where there is no value: nines, and the ends of whole numbers of 16 and 32 bits.
_NINES = [10.0**digits - 1 for digits in range(2, 8)]
_SHORT = (-1.0, -9.0)
CODES = np.array([*_NINES, *(-each for each in _NINES), *_SHORT, -32768.0, 2147483647.0, -2147483648.0])
FAR = 3.0  # the gap between a code and the other values, in the range of these
# A code of two digits among whole numbers must stand there twice: among 30,000 genes a count of 99 may do so once.
TWO_DIGITS, FEWEST_SHORT = 100.0, 2
MOST_OF_TWO = 0.1  # of a feature's cells: a value that has more, beside only one other, is one of two answers


class CodeScan:
    """Counts codes at the ends of each feature, and the ends of its other values, while rows are read in chunks.

    Parameters
    ----------
    n_features
        Columns of every chunk.
    """

    def __init__(self, n_features: int) -> None:
        self.low = np.full(n_features, np.inf)  # (n_features,), of the values that are no code at an end
        self.high = np.full(n_features, -np.inf)
        self.counts = Counter[tuple[int, float]]()  # cells of each feature that hold each code

    def add(
        self, low: npt.NDArray[Any], high: npt.NDArray[Any], values: Callable[[int], tuple[npt.NDArray[Any], bool]]
    ) -> None:
        """Note a chunk by the ends of its features.

        Parameters
        ----------
        low, high
            Ends of each feature ``(n_features,)``; NaN or infinite where it has none.
        values
            Gives the stored values of a feature in the chunk, and whether it has zeros that are not stored.
        """
        is_coded = np.isin(low, CODES) | np.isin(high, CODES)
        with np.errstate(all="ignore"):
            self.low = np.where(is_coded, self.low, np.fmin(self.low, low))
            self.high = np.where(is_coded, self.high, np.fmax(self.high, high))
        for at in np.flatnonzero(is_coded).tolist():
            stored, has_zeros = values(at)
            for code in {float(low[at]), float(high[at])} & set(CODES.tolist()):
                self.counts[at, code] += int((stored == code).sum())
                stored = stored[stored != code]
            stored = stored[np.isfinite(stored)]
            ends = [float(each) for each in (stored.min(), stored.max())] if stored.size else []
            ends += [0.0] if has_zeros else []
            if ends:
                self.low[at], self.high[at] = min(self.low[at], *ends), max(self.high[at], *ends)

    def far(self, n_cells: int, *, is_whole: bool) -> dict[float, dict[int, int]]:
        """The codes that stand far from the other values of a feature: cells of each such feature, by code.

        Parameters
        ----------
        n_cells
            Cells that were read.
        is_whole
            Whether all values are whole numbers: a code among decimals is more than chance if it stands there once.
        """
        found: dict[float, dict[int, int]] = {}
        for (at, code), times in sorted(self.counts.items()):
            spread = self.high[at] - self.low[at]
            gap = code - self.high[at] if code > 0 else self.low[at] - code
            is_answer = spread == 0 and times > MOST_OF_TWO * n_cells
            # an area is never -1: with short codes, the other values need only lie far from 0
            is_far = gap > FAR * spread or (code in _SHORT and gap >= -FAR * code)
            if np.isfinite(spread) and is_far and not is_answer:
                found.setdefault(code, {})[at] = times
        return {code: each for code, each in found.items() if _is_likely(code, each.values(), is_whole=is_whole)}


def _is_likely(code: float, times: Iterable[int], *, is_whole: bool) -> bool:
    return abs(code) >= TWO_DIGITS or not is_whole or max(times) >= FEWEST_SHORT


def far_label_code(counts: Mapping[str, int]) -> str:
    """The label that is such a code among labels that are smaller whole numbers; empty if none is."""
    numbers = {int(label): label for label in counts if label.removeprefix("-").isdecimal() and len(label) < 12}
    if len(numbers) != len(counts) or len(numbers) < 3:
        return ""
    for code in (max(numbers), min(numbers)):
        others = [each for each in numbers if each != code]
        gap = min(abs(code - each) for each in others)
        if code in CODES and gap > FAR * (max(others) - min(others)):
            return numbers[code]
    return ""
