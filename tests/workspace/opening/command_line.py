"""Small results as the command line writes them, for whoever opens them."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from psmatch_core.cli.main import main
from tests.conftest import make_adata

SIZES = {"rna": (60, 8), "adt": (52, 5), "atac": (48, 6)}  # cells and features
FOUR = {**SIZES, "image": (44, 7)}
QUICK = [
    *("--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}', "--set", "monitoring.n_shuffles=0"),
    "--quiet",
]


def write_cells(place: Path) -> Path:
    """Three data files in a folder."""
    for name, (n, p) in SIZES.items():
        make_adata(n=n, n_features=p, labels=tuple("ABCD"), seed=n).write_h5ad(place / f"{name}.h5ad")
    return place


def match_two(cells: Path, out: Path) -> Path:
    """The folder that ``psmatch match`` writes."""
    return _written(["match", str(cells / "rna.h5ad"), str(cells / "adt.h5ad")], out)


def match_three(cells: Path, out: Path) -> Path:
    """The folder that ``psmatch match-many`` writes."""
    return _written(["match-many", *(f"{name}={cells / name}.h5ad" for name in SIZES)], out)


def match_four(cells: Path, out: Path) -> Path:
    """The same of one modality more than the app takes, with its file."""
    n, p = FOUR["image"]
    make_adata(n=n, n_features=p, labels=tuple("ABCD"), seed=n).write_h5ad(cells / "image.h5ad")
    return _written(["match-many", *(f"{name}={cells / name}.h5ad" for name in FOUR)], out)


def _written(command: list[str], out: Path) -> Path:
    with redirect_stdout(StringIO()):
        assert main([*command, "--label", "label", "--out", str(out), *QUICK]) == 0
    return out
