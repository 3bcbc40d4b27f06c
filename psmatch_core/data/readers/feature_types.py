"""A file whose matrix holds features of several types: each type can be opened by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display, name_list
from psmatch_core.data.feature_types import are_types, check_feature_types
from psmatch_core.data.readers.base import MatrixHeader, Part, Source, WrappedSource


def by_type(source: Source, part: str) -> Source:
    """The same file, of which only the features of type ``part`` are seen; all of them, with a finding, if it is empty.

    Matrices whose features have no type, such as those in obsm, stay as they are; the others without any feature of
    this type are not offered.
    """
    types = {header.key: found for header in source.headers if (found := source.feature_types(header.key))}
    main = next(iter(types.values()), [])
    if source.parts:  # modalities, of which one may hold several types
        hint = "Save each type as a modality of its own to use one of them."
        source.findings += [replace(each, hint=hint) for each in check_feature_types(main, name=source.shown)]
        return source
    return TypedSource(source, types, part if part in main else "") if are_types(main) else source


def chosen_part(source: Source, part: str) -> Source:
    """The modality ``part`` of an opened file, or the whole file if it is empty.

    Raises
    ------
    PsmatchError
        If the file has no such part; it is closed then.
    """
    seen = by_type(source, part)
    names = [each.name for each in seen.parts]
    if not part or part in names:
        return seen
    seen.close()
    if not names:
        problem = f"{source.shown} holds one modality, so none called {display(part)} can be chosen."
        raise PsmatchError(problem, hint="Leave the modality in the file (part) empty.", code="PM-F48")
    problem = f"{source.shown} has no modality {display(part)}; it has {name_list(names, 8)}."
    raise PsmatchError(problem, hint="Choose one of these as the modality in the file (part).", code="PM-F48")


class TypedSource(WrappedSource):
    """An opened file and the features of one type.

    Parameters
    ----------
    inner
        The opened file.
    types
        For a matrix, the type of each of its features.
    part
        The type that is seen; empty for all.
    """

    def __init__(self, inner: Source, types: dict[str, list[str]], part: str) -> None:
        super().__init__(inner)
        main = next(iter(types.values()))
        self._parts = tuple(Part(name, len(inner.obs_names), n) for name, n in Counter(main).most_common())
        self._kept: dict[str, np.ndarray] = {}
        if part:
            self._kept = {key: np.flatnonzero(np.array(found) == part) for key, found in types.items()}
        else:
            self.findings.extend(check_feature_types(main, name=inner.shown))

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        seen = []
        for each in self._inner.headers:
            kept = self._kept.get(each.key)
            if kept is None:
                seen.append(each)
            elif kept.size:
                seen.append(replace(each, shape=(each.shape[0], kept.size)))
        return tuple(seen)

    @property
    def parts(self) -> tuple[Part, ...]:
        return self._parts

    def var_names(self, key: str) -> list[str]:
        return self._of_type(key, self._inner.var_names(key))

    def feature_ids(self, key: str) -> list[str] | None:
        ids = self._inner.feature_ids(key)
        return None if ids is None else self._of_type(key, ids)

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        return self._of_kept(key, self._inner.rows(key, limit))

    def run(self, key: str, start: int, stop: int, limit: int) -> Iterator[Any]:
        return self._of_kept(key, self._inner.run(key, start, stop, limit))

    def _of_kept(self, key: str, chunks: Iterator[Any]) -> Iterator[Any]:
        for rows in chunks:
            yield rows[:, self._kept[key]] if key in self._kept else rows

    def whole(self, key: str) -> Any:
        values = self._inner.whole(key)
        return values[:, self._kept[key]] if key in self._kept else values

    def _of_type(self, key: str, names: list[str]) -> list[str]:
        return [names[at] for at in self._kept[key]] if key in self._kept else names
