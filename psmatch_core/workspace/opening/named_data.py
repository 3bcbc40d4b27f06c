"""The data files that an opened result names: kept where they may be read, else replaced by a place without a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import DEMO_PREFIX, Recipe

ELSEWHERE = "elsewhere"  # in the folder of an opened result; never made, so that no file is found there
MayRead = Callable[[str], bool]


def may_read_all(path: str) -> bool:
    """The rule on one's own machine: whatever a result names may be read."""
    return True


@dataclass(frozen=True)
class NamedData:
    """What becomes of the data files that a result names.

    Parameters
    ----------
    may_read
        Whether whoever opens the result may read the file at an absolute path. On a shared server a result must not
        be a way to read any file of the server.
    place
        The folder that the opened result gets.
    hashes
        SHA-256 of the files by side or modality, where the recipe does not say it.
    """

    may_read: MayRead
    place: Path
    hashes: Mapping[str, str]

    def in_recipe(self, recipe: Recipe) -> Recipe:
        """The recipe with both files."""
        return recipe.with_data(
            *(None if spec is None else self.of(spec, side) for side, spec in _sides(recipe)),
        )

    def of(self, spec: DataSpec, side: str) -> DataSpec:
        """One file, with its hash, so that another content at its path is noticed."""
        if spec.path.startswith(DEMO_PREFIX):
            return spec
        return replace(
            spec,
            path=self._kept(spec.path),
            labels_path=self._kept(spec.labels_path) if spec.labels_path else "",
            sha256=spec.sha256 or self.hashes.get(side, ""),
        )

    def _kept(self, path: str) -> str:
        if Path(path).is_absolute() and self.may_read(path):
            return path
        name = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
        return str(self.place / ELSEWHERE / (name if name.strip(".") else "file"))


def _sides(recipe: Recipe) -> tuple[tuple[str, DataSpec | None], tuple[str, DataSpec | None]]:
    return ("source", recipe.source), ("target", recipe.target)


def missing_data(recipe: Recipe) -> tuple[str, ...]:
    """Names of the data files of a recipe that are not at their place, in order."""
    named = [spec.path for _, spec in _sides(recipe) if spec is not None]
    return tuple(dict.fromkeys(Path(path).name for path in named if not is_there(path)))


def is_there(path: str) -> bool:
    """Whether a data file is at its place; a demo always is."""
    return path.startswith(DEMO_PREFIX) or Path(path).exists()
