"""Keeper: where a run keeps its finished stages, so that a later one need not do them again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Keeper(Protocol):
    """Where a run keeps finished stages, and finds those that an earlier run has finished."""

    def keep(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        """The stage's result: loaded where one with this key exists, else made and kept."""

    def done(self, stage: str, result: object) -> None:
        """Told when a stage is finished."""


class KeepNothing:
    """The keeper of a run that lives in memory only."""

    def keep(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        return make()

    def done(self, stage: str, result: object) -> None:
        """Nothing to keep."""
