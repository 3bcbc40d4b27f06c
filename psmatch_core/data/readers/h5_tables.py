"""Names and annotation columns of an h5ad file, as anndata and the programs of R write them.

A column is a list of values, or n × 1 as R writes it; a factor has its levels beside it (anndata 0.8 and later), in
``__categories`` (anndata 0.7, SeuratDisk), in ``uns`` (before), or under ``levels`` (h5Seurat).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from psmatch_core.data.checks import Finding, display
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.h5_factors import R_MISSING, decoded_codes, decoded_enumeration
from psmatch_core.data.readers.h5_safety import attribute_text, checked, damaged

if TYPE_CHECKING:
    import pandas as pd


class Table:
    """A data frame stored in HDF5: as a group of columns, or as one compound array (before anndata 0.7).

    Parameters
    ----------
    item
        The group or array.
    shown
        The file's name in messages.
    max_bytes
        Largest size that one column may declare [bytes].
    category_texts
        Group that holds the texts of categories in old files (``uns/COLUMN_categories``).
    index
        The column with the names, if the table does not say so itself.
    findings
        Gets a finding where text had to be decoded in another way.
    """

    def __init__(
        self,
        item: Any,
        shown: str,
        max_bytes: int,
        *,
        category_texts: Any = None,
        index: str = "",
        findings: list[Finding] | None = None,
    ) -> None:

        self.shown = shown
        self.findings = [] if findings is None else findings
        self._item = item
        self._max_bytes = max_bytes
        self._category_texts = category_texts
        self._place = display(str(item.name).lstrip("/"))
        self.is_compound = not hasattr(item, "keys")
        self._compound: npt.NDArray[Any] | None = None
        if self.is_compound:
            self._compound = self._array(item)
            fields = self._compound.dtype.names
            if not fields:
                raise damaged(shown, f"{self._place} is not a table")
            self._index = "index" if "index" in fields else "_index" if "_index" in fields else fields[0]
            self.columns = tuple(each for each in fields if each != self._index)
        else:
            declared = index or attribute_text(item, "_index", "_index")
            self._index = next((each for each in (declared, "_index", "index") if each in item), declared)
            stored = [_text(each) for each in np.ravel(item.attrs.get("column-order", []))]
            present = [each for each in item if each not in (self._index, "__categories")]
            self.columns = tuple(dict.fromkeys((*stored, *present)))  # R does not always list all of them
            if self._index not in item:
                raise damaged(shown, f"the names in {self._place} are missing")

    @property
    def n_rows(self) -> int:
        """Number of rows, by the length of the names."""
        if self._compound is not None:
            return int(self._compound.shape[0])
        item = self._item[self._index]
        if hasattr(item, "keys"):
            item = item.get("codes", item.get("values"))
        return int(getattr(item, "size", None) or 0)

    def names(self) -> list[str]:
        """The row names ``(n,)``."""
        if self._compound is not None:
            return [_text(each) for each in self._compound[self._index]]
        item = self._item[self._index]
        values = self._group(self._index, item, None) if hasattr(item, "keys") else self._plain(item)
        if values.ndim != 1:
            raise damaged(self.shown, f"the names in {self._place} are not a list")
        return [each if type(each) is str else _text(each) for each in values.tolist()]

    def column(self, name: str, n_rows: int) -> pd.Series:
        """The column ``name`` ``(n_rows,)``, with categories decoded."""
        import pandas as pd

        if self._compound is not None:
            values = self._compound[name]
            if values.dtype.kind == "S":
                values = np.array([_text(each) for each in values], dtype=object)
            categories = self._old_categories(name)
            found = self._categorical(name, values, categories) if categories is not None else values
        else:
            item = self._item.get(name)
            if item is None:
                raise damaged(self.shown, f"column {display(name)} is listed but missing")
            found = self._group(name, item, n_rows) if hasattr(item, "keys") else self._dataset(name, item, n_rows)
        if len(found) != n_rows:
            raise damaged(self.shown, f"column {display(name)} has {len(found):,} entries for {n_rows:,} rows")
        return pd.Series(found, name=name)

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers, or true and false, by its type in the file."""
        import h5py

        if self._compound is not None:
            dtype = self._compound.dtype[name]
            return dtype.kind in "biuf" and not dtype.subdtype and self._old_categories(name) is None
        item = self._item.get(name)
        if hasattr(item, "keys"):
            item = item.get("values") if "mask" in item else None
        elif self._levels(name) is not None:
            return False
        return item is not None and item.dtype.kind in "biuf" and not h5py.check_enum_dtype(item.dtype)

    def _group(self, name: str, item: Any, n_rows: int | None) -> Any:
        import pandas as pd

        if "codes" in item and "categories" in item:
            is_ordered = bool(np.all(item.attrs.get("ordered", False)))
            codes, levels = self._plain(item["codes"], n_rows), self._plain(item["categories"])
            return self._categorical(name, codes, levels, is_ordered=is_ordered)
        if "values" in item and "levels" in item:
            codes, levels = self._plain(item["values"], n_rows), self._plain(item["levels"])
            return self._categorical(name, codes, levels, from_one=True)
        if "values" in item and "mask" in item:
            values, mask = self._plain(item["values"], n_rows), self._plain(item["mask"], n_rows).astype(bool)
            if values.shape != mask.shape:
                raise damaged(self.shown, f"column {display(name)} has parts of different lengths")
            if values.dtype == bool:
                return pd.arrays.BooleanArray(values, mask)
            if values.dtype.kind in "iu":
                return pd.arrays.IntegerArray(values, mask)
            decoded = values.astype(object)
            decoded[mask] = None
            return decoded
        raise damaged(self.shown, f"column {display(name)} has an unknown encoding")

    def _dataset(self, name: str, item: Any, n_rows: int) -> Any:
        values = self._plain(item, n_rows)
        import h5py
        import pandas as pd

        if values.ndim != 1:
            raise damaged(self.shown, f"column {display(name)} is not a list of values")
        members = h5py.check_enum_dtype(item.dtype)
        if members:
            return decoded_enumeration(values, members)
        texts = self._levels(name)
        if texts is not None and values.dtype.kind in "iuf":  # codes here, their names elsewhere
            return self._categorical(name, values, self._plain(texts))
        if texts is None and "categories" in item.attrs:
            raise damaged(self.shown, f"the categories of column {display(name)} are missing")
        if values.dtype.kind == "i" and (is_missing := values == R_MISSING).any():
            return pd.arrays.IntegerArray(values, is_missing)
        return values

    def _levels(self, name: str) -> Any:
        """The names of the values of a column of whole numbers, which lie elsewhere in the file; None without."""
        texts = self._item.get(f"__categories/{name}")
        if texts is None and hasattr(self._category_texts, "keys"):
            texts = self._category_texts.get(f"{name}_categories")
        return texts

    def _categorical(
        self, name: str, stored: Any, categories: Any, *, is_ordered: bool = False, from_one: bool = False
    ) -> Any:
        import pandas as pd

        if categories.ndim != 1:
            raise damaged(self.shown, f"the categories of column {display(name)} are not a list")
        codes = decoded_codes(stored, len(categories), from_one=from_one)
        if codes is None:
            raise damaged(self.shown, f"column {display(name)} points to categories that do not exist")
        try:
            return pd.Categorical.from_codes(codes, categories=pd.Index(categories), ordered=is_ordered)
        except ValueError:
            raise damaged(self.shown, f"the categories of column {display(name)} are repeated or missing") from None

    def _old_categories(self, name: str) -> Any:
        texts = self._category_texts.get(f"{name}_categories") if self._category_texts is not None else None
        if texts is None or self._compound is None or self._compound[name].dtype.kind not in "iu":
            return None
        return np.array([_text(each) for each in np.atleast_1d(self._array(texts))], dtype=object)

    def _array(self, item: Any) -> npt.NDArray[Any]:
        return np.asarray(checked(item, self.shown, max_bytes=self._max_bytes)[...])

    def _plain(self, item: Any, n_rows: int | None = None) -> npt.NDArray[Any]:
        """The values of an array, with texts decoded; refused unread if its length is not ``n_rows``."""
        found = checked(item, self.shown, max_bytes=self._max_bytes)
        place = display(str(item.name).lstrip("/"))
        is_list = _is_list(found.shape)
        if n_rows is not None and not (is_list and found.size == n_rows):
            size = " × ".join(f"{each:,}" for each in found.shape)
            raise damaged(self.shown, f"{place} has size {size} for {n_rows:,} rows")
        values = np.asarray(found[...])
        if holds_text(found):
            values = np.array(decoded(values, self.shown, place, self.findings), dtype=object).reshape(values.shape)
        return values.ravel() if is_list else values


def texts_of(item: Any, shown: str, max_bytes: int, findings: list[Finding]) -> list[str]:
    """The texts of a list ``(n,)`` that lies anywhere in the file."""
    values = np.asarray(checked(item, shown, max_bytes=max_bytes)[...])
    return decoded(values, shown, display(str(item.name).lstrip("/")), findings)


def holds_text(item: Any) -> bool:
    """Whether an array holds text."""
    import h5py

    return item.dtype.kind in "SUT" or h5py.check_string_dtype(item.dtype) is not None


def decoded(values: npt.NDArray[Any], shown: str, place: str, findings: list[Finding]) -> list[str]:
    """Texts of UTF-8 or, where one of them is not, of Windows (Latin-1), which is said; flat ``(n,)``."""
    flat = values.ravel().tolist()
    with suppress(TypeError, UnicodeDecodeError):  # all at once: a fifth of the time, and a file has millions
        texts = b"\0".join(flat).decode().split("\0")
        if len(texts) == len(flat):
            return texts
    raw = [each if isinstance(each, bytes) else str(each).encode() for each in flat]
    with suppress(UnicodeDecodeError):
        return [each.decode() for each in raw]
    texts = [each.decode("cp1252", "replace") for each in raw]
    example = display(next(new for new, old in zip(texts, raw, strict=True) if not old.isascii()))
    problem = f"{shown}: {place} is not UTF-8 and was read as Windows (Latin-1) text, such as {example}."
    found = warning("PM-F33", problem, "Check these names, or save the file again as UTF-8.")
    if found not in findings:
        findings.append(found)
    return texts


def _is_list(shape: tuple[int, ...]) -> bool:
    """Whether an array is a list; R writes one as n × 1 or 1 × n."""
    return len(shape) == 1 or (len(shape) == 2 and 1 in shape)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
