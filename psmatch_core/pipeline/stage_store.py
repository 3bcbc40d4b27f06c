"""StageStore: where a run keeps its finished stages, so that a later run need not compute them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class StageStore(Protocol):
    """Keeps the finished stages of a run, and finds those of earlier runs by their keys."""

    def load_or_make(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        """The result of a stage: loaded if one with this key is stored, else computed and stored.

        Parameters
        ----------
        name
            Of the stage, such as ``source_propensity``.
        key
            From :mod:`psmatch_core.pipeline.stage_keys`.
        load, make
            Read the result from a file; compute it.
        """

    def finished(self, stage: str, result: object) -> None:
        """Called at the end of a stage, also of those that are not stored by key."""


class NoStageStore:
    """Stores nothing: for a run that lives in memory only."""

    def load_or_make(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        return make()

    def finished(self, stage: str, result: object) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class MemoryStageStore:
    """Keeps finished stages in memory, for work that needs those of a modality several times.

    A stage is found whichever side of a matching its modality is on.
    """

    kept: dict[tuple[str, str], Any] = field(default_factory=dict)

    def load_or_make(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        stage = name.partition("_")[2], key  # without the side
        if stage not in self.kept:
            self.kept[stage] = make()
        result: Result = self.kept[stage]
        return result

    def finished(self, stage: str, result: object) -> None:
        """Nothing to do."""
