"""The chapter of the cells: the verdicts as cards, linked maps of both modalities, and their pairs to search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files

if TYPE_CHECKING:
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.report.linked_cells import CellMap


def cells_chapter(run: LoadedRun, page: Page) -> None:
    """Which cells are matched, for a reader to draw around and to search."""
    if run.coupling is None or not run.coupling.blocks:
        return
    from psmatch_core.report.linked_cells import link_cells

    verdicts, _ = run.judged
    linked = link_cells(run.coupling, cell_maps(run), verdicts)
    page.heading("Cells and their matches")
    page.text(f"{verdicts.verdict.title}. Labels: {verdicts.counted()}.")
    page.cells(linked)


def cell_maps(run: LoadedRun) -> list[CellMap]:
    """The maps of a run: UMAP of the scores if it was drawn, PCA of all scores, and those that came with the files."""
    from psmatch_core.exploration.maps import map_scores
    from psmatch_core.report.linked_cells import CellMap
    from psmatch_core.workspace.predictions import load_embeddings

    assert run.models is not None
    sizes = [model.modality.n_cells for model in run.models]
    found = []
    drawn = files.SCORE_MAP.read(run.folder, which="umap")
    if drawn is not None:
        found.append(CellMap("UMAP of the scores", *_of_all_cells(drawn, sizes)))
    by_label = run.folder.recipe.matcher.aligns
    main = map_scores(*run.models, method="pca", by_label=by_label, largest=max(sizes))
    found.append(CellMap("PCA of the scores", *_of_all_cells(main, sizes)))
    for side in SIDES:
        for name, xy in load_embeddings(run.folder, side).items():
            source, target = (xy, None) if side == SIDES[0] else (None, xy)
            found.append(CellMap(f"{display(name, 60)} of the file", source, target, is_shared=False))
    return found


def _of_all_cells(scores: ScoreMap, sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Places of all cells ``(n_cells, 2)`` of both sides, NaN where the map has none."""
    places = []
    drawn = ((scores.source_cells, scores.source_xy), (scores.target_cells, scores.target_xy))
    for n, (cells, xy) in zip(sizes, drawn, strict=True):
        whole = np.full((n, 2), np.nan, dtype=np.float32)
        whole[cells] = xy
        places.append(whole)
    return places[0], places[1]
