"""The modalities of any demo by side, of two or of three, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from psmatch_core.base import disk
from psmatch_core.data.sides import ALL_SIDES
from psmatch_core.pipeline.demo_data import VIEWS, demo
from psmatch_core.pipeline.demo_views import demo_views

if TYPE_CHECKING:
    from anndata import AnnData


def demo_sides(name: str) -> dict[str, AnnData]:
    """The modalities of a demo by side, the reference first."""
    cells = tuple(demo_views().values()) if name == VIEWS else demo(name)
    return dict(zip(ALL_SIDES, cells, strict=False))


def write_demo(name: str, folder: Path) -> None:
    """The files of a demo: ``source.h5ad``, ``target.h5ad``, and ``third.h5ad`` of one in three modalities."""
    for side, adata in demo_sides(name).items():
        with disk.replacing(folder / f"{side}.h5ad") as partial:
            adata.write_h5ad(partial)
