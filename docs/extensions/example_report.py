"""The report of the first demo, written into the site from the computed demo that travels with the app."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sphinx.application import Sphinx

from pages.shell.shipped_demos import unpack_demo
from psmatch_core.report import write_report
from psmatch_core.workspace.run_folder import RunFolder

NAME = "example-report.html"
DEMO = "screen"


def write_example(out: Path) -> Path:
    """Write the report of the shipped demo into the folder of the site."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        if not unpack_demo(DEMO, runs, Path(folder) / "demos"):
            raise RuntimeError(
                "The shipped demo is not what this version computes: python -m pages.shell.shipped_demos"
            )
        (run,) = runs.iterdir()
        return write_report(RunFolder(run), out / NAME)


def _finished(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html" and not (Path(app.outdir) / NAME).exists():
        write_example(Path(app.outdir))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by sphinx."""
    app.connect("build-finished", _finished)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
