"""The steps of the Data page, by which the workspace says where a decision is asked for. Does not use Streamlit."""

from __future__ import annotations

from enum import StrEnum


class DataStep(StrEnum):
    """One screen of the Data page; the values stand in addresses."""

    FILES = "files"
    LABELS = "labels"
    VALUES = "values"
    JUDGE = "judge"

    @property
    def heading(self) -> str:
        """What the step is called."""
        return "Match and judge" if self is DataStep.JUDGE else self.value.capitalize()

    @property
    def number(self) -> int:
        """Its place, from 1."""
        return list(DataStep).index(self) + 1

    @property
    def before(self) -> DataStep | None:
        """The step before it."""
        return list(DataStep)[self.number - 2] if self.number > 1 else None

    @property
    def after(self) -> DataStep | None:
        """The step after it."""
        return list(DataStep)[self.number] if self.number < len(DataStep) else None
