"""Demos that come with the app: runs computed when it was built, unpacked once per workspace.

``python -m pages.shell.shipped_demos`` computes them anew with this version and packs them into ``pages/demos``.
"""

from __future__ import annotations

import lzma
import secrets
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pages.shell.file_summaries import adopt_summary, demo_path, demo_spec, demo_summary, kept_paths
from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.sides import SIDES
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.manifest import OF_PROCESSES
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore

PLACE = Path(__file__).parents[1] / "demos"
RUN, SUMMARY, SAMPLE = "run", "{}.json", "{}.sample"  # what an archive holds, beside the files of both sides


def unpack_demo(name: str, runs: Path, files: Path) -> bool:
    """Put the shipped run of a demo among ``runs``, and its data files and their summaries below ``files``.

    Returns
    -------
    False, with nothing changed, if this version ships none or its recipe is another now: then it is computed.
    """
    archive = PLACE / f"{name}.tar.xz"
    if not archive.exists():
        return False
    with disk.explain_full_disk("the demo"), tempfile.TemporaryDirectory(prefix="psmatch-demo-") as folder:
        here = Path(folder)
        run = _unpacked(archive, here)
        if run is None or not _is_current(RunFolder(run), name):
            return False
        _adopt_files(name, here, files)
        partial = runs.with_name(f".runs-{secrets.token_hex(4)}")
        shutil.copytree(run, partial / run.name)
        try:
            partial.rename(runs)
        except OSError:  # another visitor was faster
            shutil.rmtree(partial)
    return True


def _unpacked(archive: Path, here: Path) -> Path | None:
    """The folder of the run in an archive; None if the archive is damaged: then the demo is computed."""
    try:
        with tarfile.open(archive) as packed:
            packed.extractall(here, filter="data")
        (run,) = (here / RUN).iterdir()
    except (tarfile.TarError, lzma.LZMAError, EOFError, ValueError, FileNotFoundError):
        return None
    return run


def _is_current(folder: RunFolder, name: str) -> bool:
    """Whether a shipped run is what this version would compute; one whose settings cannot be read is not."""
    try:
        return folder.status().state == DONE and folder.recipe == demo_recipe(Recipe(), name)
    except PsmatchError:
        return False


def _adopt_files(name: str, here: Path, files: Path) -> None:
    if not (files / name).exists():
        partial = files / f".{name}-{secrets.token_hex(4)}"
        partial.mkdir(parents=True)
        for side in SIDES:
            shutil.move(here / f"{side}.h5ad", partial / f"{side}.h5ad")
        partial.rename(files / name)
    for side in SIDES:
        adopt_summary(demo_spec(name, side, files), here / SUMMARY.format(side), here / SAMPLE.format(side), files)


def pack_demo(name: str, run: RunFolder, files: Path, archive: Path) -> Path:
    """Pack a finished run of a demo, with the files and summaries that lie below ``files``."""
    for side in SIDES:
        demo_summary(name, side, files)

    def chosen(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return None if Path(entry.name).name in (*OF_PROCESSES, "log.txt") else entry

    with disk.replacing(archive) as partial, tarfile.open(partial, "w:xz") as packed:
        packed.add(run.path, f"{RUN}/{run.id}", filter=chosen)
        for side in SIDES:
            packed.add(demo_path(name, side, files), f"{side}.h5ad", filter=chosen)
            summary, sample = kept_paths(*demo_spec(name, side, files), files)
            packed.add(summary, SUMMARY.format(side), filter=chosen)
            if sample.exists():
                packed.add(sample, SAMPLE.format(side), filter=chosen)
    return archive


def compute_demo(name: str, root: Path) -> RunFolder:
    """The run of a demo, computed by a worker in a workspace of its own."""
    folder = RunStore(root).start(demo_recipe(Recipe(), name), name=name)
    while folder.status().is_active:
        time.sleep(0.5)
    if folder.status().state != DONE:
        raise PsmatchError(f"The demo {name} could not be computed. {folder.status().problem}", hint="See its log.txt.")
    return folder


def _main(names: Sequence[str]) -> None:
    """Compute and pack the named demos."""
    for name in names:
        with tempfile.TemporaryDirectory() as root:
            run = compute_demo(name, Path(root))
            archive = pack_demo(name, run, Path(root) / "demos", PLACE / f"{name}.tar.xz")
            print(f"{archive.name}: {archive.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    _main(sys.argv[1:] or ["screen"])
