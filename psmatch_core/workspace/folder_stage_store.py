"""FolderStageStore: keeps a run's finished stages in its folder, and shares them with other runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline import result_files
from psmatch_core.workspace.run_folder import RunFolder

SECONDS = ".seconds"  # suffix of the file beside a shared stage that says how long it took

Result = TypeVar("Result")


class FolderStageStore:
    """Keeps a run's stages in its folder, and shares them with later runs by what they were made of."""

    def __init__(self, folder: RunFolder, cache: Path | None) -> None:
        self.folder = folder
        self.cache = cache

    def load_or_make(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        """The result of a stage: loaded from the cache if its key is there, else made and kept."""
        path = self.folder.stage_file(name)
        shared = self.cache / f"{name.partition('_')[2]}-{key}.npz" if self.cache else None
        if shared is not None and shared.exists():
            try:
                result = load(shared)
            except PsmatchError:
                shared.unlink(missing_ok=True)  # a damaged cache is no loss: it is made again below
            else:
                disk.link(shared, path)
                return result
        started = time.perf_counter()
        result = make()
        seconds = time.perf_counter() - started
        result_files.save(result, path)
        if shared is not None:
            disk.link(path, shared)
            disk.write_json(shared.with_suffix(SECONDS), round(seconds, 2))  # what making it again would take
        return result

    def finished(self, stage: str, result: object) -> None:
        """Nothing beyond the stage's own files."""
