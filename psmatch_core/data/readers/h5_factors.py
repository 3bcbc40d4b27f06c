"""Categories of an HDF5 file: whole numbers that stand for names, as Python and R write them.

Python counts them from 0 (anndata), R from 1 (h5Seurat, hdf5r); what is missing is -1 in Python, and in R the smallest
whole number of 32 bits, or NaN where the numbers went through a double.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

R_MISSING = -(2**31)  # R's NA of whole numbers
_TRUTH = {"FALSE": False, "TRUE": True}
_MISSING = "NA"  # the third value that hdf5r gives to logical vectors


def decoded_codes(stored: npt.NDArray[Any], n_levels: int, *, from_one: bool = False) -> npt.NDArray[np.int64] | None:
    """The codes ``(n,)`` of a factor from 0, with -1 where it is missing; None if they do not fit the levels.

    Parameters
    ----------
    stored
        The numbers in the file.
    n_levels
        How many names there are.
    from_one
        Whether the file counts from 1 where both are possible. Numbers from 1 to ``n_levels`` always do.
    """
    if stored.dtype.kind not in "iuf":
        return None
    is_missing = np.isnan(stored) if stored.dtype.kind == "f" else np.zeros(stored.shape, dtype=bool)
    is_missing |= (stored == -1) | (stored == R_MISSING)
    codes = np.where(is_missing, -1, stored).astype(np.int64)
    if (codes[~is_missing] != stored[~is_missing]).any():
        return None
    known = codes[~is_missing]
    if known.size and known.min() >= 1 and (from_one or known.max() == n_levels):
        known = known - 1
        codes[~is_missing] = known
    if known.size and (known.min() < 0 or known.max() >= n_levels):
        return None
    return codes


def decoded_enumeration(values: npt.NDArray[Any], members: dict[str, int]) -> Any:
    """The values ``(n,)`` of an HDF5 enumeration: true, false and missing, or the names of its members."""
    import pandas as pd

    named = {name.upper(): value for name, value in members.items()}
    if _TRUTH.keys() <= named.keys() <= {*_TRUTH, _MISSING}:
        is_true, is_false = values == named["TRUE"], values == named["FALSE"]
        return pd.arrays.BooleanArray(np.asarray(is_true), np.asarray(~is_true & ~is_false))
    names = sorted(members, key=lambda each: members[each])
    place = {members[name]: at for at, name in enumerate(names)}
    codes = np.array([place.get(each, -1) for each in values.tolist()], dtype=np.int64)
    return pd.Categorical.from_codes(codes, categories=pd.Index(names))
