"""The map of a run's scores by UMAP as a job: asked for on a page, because it takes seconds to minutes.

The map lies in the run's own folder beside that by PCA; the job's folder ``umap/`` has its progress.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Self

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.pipeline.stage_keys import map_key
from psmatch_core.workspace import files, results
from psmatch_core.workspace.folder_stage_store import FolderStageStore
from psmatch_core.workspace.job import SingleJob, Work
from psmatch_core.workspace.run_folder import RunFolder

LARGEST_MAP = 20_000  # cells per modality on the map of scores; above this a stratified sample is drawn, and said
UMAP = "umap"


class ScoreMapJob(SingleJob):
    """The map by UMAP; it does not wait in the queue, since a user waits."""

    kind = "score_map"
    noun = "map"
    place = UMAP  # in the run's folder

    @classmethod
    def create(cls, run: RunFolder) -> Self:
        """A new job of a run, ready for a worker.

        Raises
        ------
        PsmatchError
            If the run has no scores yet.
        """
        if not results.has_propensities(run):
            raise PsmatchError("This run has no scores to draw a map of yet.", hint="Train the models first.")
        return cls._create(run)

    @property
    def title(self) -> str:
        return "Drawing the map by UMAP"

    def do(self, work: Work) -> None:
        store = FolderStageStore(self.run, work.cache)
        draw_map(store, results.load_models(self.run), UMAP, progress=work.log)
        work.log(Event("map", 1.0))


def draw_map(store: FolderStageStore, models: Sequence[ScoredModality], method: str, *, progress: Progress) -> None:
    """Draw the map of a run's scores; the same scores share their maps.

    Parameters
    ----------
    store
        Of the run; it writes the map into the run's folder.
    method
        ``pca`` or ``umap``.
    """
    from psmatch_core.exploration.maps import map_scores

    recipe = store.folder.recipe
    seed, by_label = recipe.seed, recipe.matcher.aligns
    progress(Event("map", 0.0 if method == "pca" else 0.2, f"drawing the map of scores ({method.upper()})"))
    store.load_or_make(
        f"map_{method}",
        map_key(method, models, LARGEST_MAP, seed, by_label=by_label),
        files.SCORE_MAP.load,
        partial(map_scores, *models, method=method, by_label=by_label, largest=LARGEST_MAP, seed=seed),
    )
