"""Three uploaded tables on the Data page, and what a visitor sees of their matching, for its tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
from streamlit.testing.v1 import AppTest

from pages.shell.workspace import Workspace
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.several_figures import SeveralFigures
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.placed_jobs import jobs_at
from tests.pages.conftest import Open
from tests.pages.views.data.visitor import csv, hand_over, loaded

LABELS = ["control", "STAT1", "MYC"] * 8
OTHER = ["control", "STAT1", "JAK2"] * 8
QUICK = Recipe(classifier=LinearClassifier(strength=0.05)).with_setting("monitoring.stability", False)


def three(empty: Open, third: list[str], *, name: str = "image.csv", content: bytes = b"") -> AppTest:
    """Two tables with the same labels and a third one, on step 1."""
    app = loaded(empty, LABELS, LABELS)
    return hand_over(app, "third", name, content or csv(third, prefix="c", n_features=4, seed=2))


def quickly(app: AppTest) -> AppTest:
    """The same with a classifier that trains in a second."""
    workspace: Workspace = app.session_state["workspace"]
    app.session_state["workspace"] = replace(workspace, classifier=QUICK.classifier)
    return app.run()


def jobs(tmp_path: Path) -> list[SeveralJob]:
    return jobs_at(SeveralJob, tmp_path / "workspace" / SeveralJob.place)


def tables(app: AppTest) -> list[pd.DataFrame]:
    return [each.value for each in app.dataframe]


def has_button(app: AppTest, label: str) -> bool:
    return any(each.label.startswith(label) for each in app.button)


def figures_of(job: SeveralJob) -> SeveralFigures:
    found = files.SEVERAL_FIGURES.read(job.folder)
    assert found is not None
    return found
