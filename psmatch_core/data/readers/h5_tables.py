"""Names and annotation columns of an h5ad file, in the current and the older encodings of anndata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from psmatch_core.data.checks import display
from psmatch_core.data.readers.h5_safety import checked, damaged

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
    """

    def __init__(self, item: Any, shown: str, max_bytes: int, category_texts: Any = None) -> None:
        import h5py

        self.shown = shown
        self._item = item
        self._max_bytes = max_bytes
        self._category_texts = category_texts
        self._place = display(str(item.name).lstrip("/"))
        self.is_compound = isinstance(item, h5py.Dataset)
        self._compound: npt.NDArray[Any] | None = None
        if self.is_compound:
            self._compound = self._array(item)
            fields = self._compound.dtype.names
            if not fields:
                raise damaged(shown, f"{self._place} is not a table")
            self._index = "index" if "index" in fields else "_index" if "_index" in fields else fields[0]
            self.columns = tuple(each for each in fields if each != self._index)
        else:
            self._index = _text(item.attrs.get("_index", "_index"))
            stored = [_text(each) for each in np.atleast_1d(item.attrs.get("column-order", []))]
            present = [each for each in item if each not in (self._index, "__categories")]
            self.columns = tuple(stored) or tuple(present)
            if self._index not in item:
                raise damaged(shown, f"the names in {self._place} are missing")

    def names(self) -> list[str]:
        """The row names ``(n,)``."""
        if self._compound is not None:
            return [_text(each) for each in self._compound[self._index]]
        item = self._item[self._index]
        if hasattr(item, "keys"):
            return [_text(each) for each in self._group(self._index, item, None)]
        values = self._plain(item)
        if values.ndim != 1:
            raise damaged(self.shown, f"the names in {self._place} are not a list")
        return [_text(each) for each in values]

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

    def _group(self, name: str, item: Any, n_rows: int | None) -> Any:
        import pandas as pd

        if "codes" in item and "categories" in item:
            codes = self._plain(item["codes"], n_rows)
            return self._categorical(
                name, codes, self._plain(item["categories"]), is_ordered=bool(np.all(item.attrs.get("ordered", False)))
            )
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
        if values.ndim != 1:
            raise damaged(self.shown, f"column {display(name)} is not a list of values")
        if "categories" in item.attrs:  # anndata 0.7: codes here, texts under the same name elsewhere
            texts = self._item.get(f"__categories/{name}")
            if texts is None:
                raise damaged(self.shown, f"the categories of column {display(name)} are missing")
            return self._categorical(name, values, self._plain(texts))
        return values

    def _categorical(self, name: str, codes: Any, categories: Any, *, is_ordered: bool = False) -> Any:
        import pandas as pd

        if categories.ndim != 1:
            raise damaged(self.shown, f"the categories of column {display(name)} are not a list")
        if codes.dtype.kind not in "iu" or (codes.size and (codes.min() < -1 or codes.max() >= len(categories))):
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
        import h5py

        found = checked(item, self.shown, max_bytes=self._max_bytes)
        place = display(str(item.name).lstrip("/"))
        if n_rows is not None and found.shape != (n_rows,):
            size = " × ".join(f"{each:,}" for each in found.shape)
            raise damaged(self.shown, f"{place} has size {size} for {n_rows:,} rows")
        if h5py.check_string_dtype(found.dtype):
            try:
                return np.asarray(found.asstr()[...], dtype=object)
            except UnicodeDecodeError:
                raise damaged(self.shown, f"{place} holds text that is not UTF-8") from None
        return np.asarray(found[...])


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
