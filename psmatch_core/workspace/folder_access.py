"""A folder of the workspace and whether it may be written: somebody else's can be read, and refuses all else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from psmatch_core.base.errors import PsmatchError


@dataclass(frozen=True)
class FolderAccess(ABC):
    """A folder that knows whether it may be written.

    Parameters
    ----------
    is_read_only
        Whether it is somebody else's: then everything that would write into it refuses, before anything is written.
    """

    path: Path
    is_read_only: bool = field(default=False, kw_only=True, compare=False)

    @property
    @abstractmethod
    def job(self) -> dict[str, Any]:
        """What was asked for, with the ``name`` that its user gave it."""

    def within(self, *names: str) -> Self:
        """A folder inside this one; it may be written where this one may."""
        return type(self)(self.path.joinpath(*names), is_read_only=self.is_read_only)

    @property
    def around(self) -> Self:
        """The folder around this one, which may be written where this one may."""
        return type(self)(self.path.parent, is_read_only=self.is_read_only)

    def place_for(self, name: str) -> Path:
        """Where a new job inside this folder is written.

        Raises
        ------
        PsmatchError
            If this folder may only be read.
        """
        self.check_writable()
        return self.path / name

    def check_writable(self) -> None:
        """Refuse to write into somebody else's folder.

        Raises
        ------
        PsmatchError
            If this folder may only be read.
        """
        if self.is_read_only:
            raise foreign_error(self)


def foreign_error(folder: FolderAccess) -> PsmatchError:
    """What is said to whoever would change somebody else's run."""
    return PsmatchError(
        f"{folder.job.get('name') or folder.path.name} belongs to somebody else.",
        hint="You can read it. To change it, copy it to your runs and change the copy.",
    )
