"""Every page finds its run by the link, and shows runs of an older version."""

from __future__ import annotations

import re

import pytest

from pages.shell.navigation import PAGES
from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, texts, without

ANSWERS = {  # what each page says of the demo, above all figures
    "data": "has 1,000 cells and",
    "propensity": "modalities distinguish the labels",
    "match": "All 13 labels are matched",
    "monitor": "labels the matches are reproducible",
    "translate": "the matching predicts",
    "evaluate": "The matching finds true partners better than a uniform plan does",
    "export": "pairs.csv lists the matches of the 1,000 source cells",
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_finds_its_run_by_the_link(full: Open, finished: RunFolder, page: str) -> None:
    app = full(page)
    assert app.query_params["run"] in (finished.id, [finished.id])
    assert "the demo" in texts(app)
    assert not app.error
    (answer,) = [
        each.value for each in app.markdown if ANSWERS[page] in each.value.replace("\\", "").replace("\u2060", "")
    ]
    assert not re.search(r"\bnats?\b|entropy|FOSCTTM", answer)


def test_an_older_run_without_the_new_files_says_so(full: Open, finished: RunFolder) -> None:
    predicted = [f"predicted_{way}.npy" for way in ("target_to_source", "source_to_target")]
    columns = [f"{side}_columns.parquet" for side in ("source", "target")]
    with without(finished, *predicted, *columns, "observables.json"):
        app = full("translate")
        assert "an earlier version made it" in texts(app)
        assert not app.exception
        app = full("propensity")
        app.selectbox(key=f"color.{finished.id}").select("column").run()
        assert "did not save them made this run" in texts(app)
        assert not app.exception
        assert not full("evaluate").exception
