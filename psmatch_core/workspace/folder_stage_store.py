"""FolderStageStore: keeps a run's finished stages in its folder, and shares them with other runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from psmatch_core.base import disk, locks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline import result_files
from psmatch_core.workspace.manifest import listed_anew
from psmatch_core.workspace.new_folder import check_there
from psmatch_core.workspace.run_folder import RunFolder

STAGE_LOCK = ".lock"  # suffix of the file that whoever makes a shared stage keeps locked
SECONDS = ".seconds"  # suffix of the file beside a shared stage that says how long it took

Result = TypeVar("Result")


def shared_path(cache: Path, stage: str, key: str) -> Path:
    """The file of a shared stage, such as ``propensity``, whose key tells the modalities apart."""
    return cache / f"{stage}-{key}.npz"


class FolderStageStore:
    """Keeps a run's stages in its folder, and shares them with other runs by their keys.

    Parameters
    ----------
    cache
        Folder of the shared stages; None to share nothing.
    """

    def __init__(self, folder: RunFolder, cache: Path | None) -> None:
        self.folder = folder
        self.cache = cache

    def load_or_make(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        """The result of a stage: loaded if the cache has its key, otherwise made and kept.

        If another run is making the same, this one waits for it instead of making it a second time.
        """
        path = self.folder.stage_file(name)
        if self.cache is None:
            result = make()
            check_there(self.folder.path)
            with listed_anew(self.folder.path, path):
                result_files.save(result, path)
            return result
        shared = shared_path(self.cache, name.partition("_")[2], key)
        self.cache.mkdir(parents=True, exist_ok=True)
        with locks.acquire(shared.with_suffix(STAGE_LOCK)):
            return self._load_or_make(path, shared, load, make)

    def _load_or_make(
        self, path: Path, shared: Path, load: Callable[[Path], Result], make: Callable[[], Result]
    ) -> Result:
        if shared.exists():
            try:
                result = load(shared)
            except PsmatchError:
                shared.unlink(missing_ok=True)  # it is made again below
            else:
                with listed_anew(self.folder.path, path):
                    disk.link(shared, path)
                return result
        started = time.perf_counter()
        result = make()
        seconds = time.perf_counter() - started
        check_there(self.folder.path)
        with listed_anew(self.folder.path, path):
            result_files.save(result, path)
        disk.link(path, shared)
        disk.write_json(shared.with_suffix(SECONDS), round(seconds, 2))  # for the budget of a sweep
        return result

    def finished(self, stage: str, result: object) -> None:
        """Nothing more to keep."""
