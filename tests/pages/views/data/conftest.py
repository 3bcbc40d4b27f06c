"""A finished matching of three tables, shared by all tests of the Data page."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.placed_jobs import jobs_at
from psmatch_core.workspace.run_folder import DONE
from tests.pages.conftest import opener
from tests.pages.views.data.three_files import (
    OTHER,
    quickly,
    three,
)
from tests.pages.views.data.visitor import press
from tests.waiting import ended


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SeveralJob]:
    """A workspace with a finished matching of three uploaded tables, done by the real worker."""
    root = tmp_path_factory.mktemp("several") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        app = quickly(three(opener(root, patch), OTHER))
        press(app, "Match all three")
    (job,) = jobs_at(SeveralJob, root / SeveralJob.place)
    ended(job.folder, state=DONE)
    return root, job


@pytest.fixture
def opened(done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The finished matching, opened from the list by a new visitor."""
    root, job = done
    app = opener(root, monkeypatch)()
    app.button(key=f"several.open.{job.id}").click().run()
    assert not app.exception
    return app
