"""The sample of cells of one side, taken when its file was inspected."""

from __future__ import annotations

from pages.shell import session
from pages.shell.file_summaries import demo_path, sample_of
from pages.shell.workspace import DEMO, Side
from psmatch_core.data.cell_sample import CellSample
from psmatch_core.data.readers import DataSpec


def side_sample(which: str, side: Side) -> CellSample | None:
    """Some cells of a side and the names of all its features; None if there are none, as for images."""
    if side.summary is None:
        return None
    spec, folder = side.spec, session.root() / "summaries"
    if side.path.startswith(DEMO):
        folder = session.root() / "demos"
        spec = DataSpec(path=str(demo_path(side.path.removeprefix(DEMO), which, folder)))
    return sample_of(spec, side.summary, folder)
