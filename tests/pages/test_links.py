"""Every page finds its run by the link, and shows runs of an older version."""

from __future__ import annotations

import pytest

from pages.shell.navigation import PAGES
from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, texts, without


@pytest.mark.parametrize("page", PAGES)
def test_a_page_finds_its_run_by_the_link(full: Open, finished: RunFolder, page: str) -> None:
    app = full(page)
    assert app.query_params["run"] in (finished.id, [finished.id])
    assert "the demo" in texts(app)
    assert not app.error


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
