"""The first file of `psmatch inspect`: another process reads it while this one loads the rest of its libraries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import DataSpec, FileSummary, inspect_file


@dataclass(frozen=True)
class FirstLook:
    """What was found in the first file, or why it is refused.

    Parameters
    ----------
    spec
        The file, and what is chosen of it.
    found
        Its summary, or the error.
    """

    spec: DataSpec
    found: FileSummary | PsmatchError

    @classmethod
    def at(cls, spec: DataSpec, *, meanwhile: Callable[[], None]) -> FirstLook:
        """Inspect a file before anything is known of another, and do something else meanwhile."""
        threading.Thread(target=meanwhile, daemon=True).start()
        try:
            return cls(spec, inspect_file(spec, label_names=[]))
        except PsmatchError as error:
            return cls(spec, error)

    def summary(self) -> FileSummary:
        """The summary of the file.

        Raises
        ------
        PsmatchError
            If it is refused.
        """
        if isinstance(self.found, PsmatchError):
            raise self.found
        return self.found
