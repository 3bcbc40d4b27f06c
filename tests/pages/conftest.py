"""A workspace without anything in it, and one with a finished run of the small demo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shell import shipped_demos
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.translation.translators import SampledNetworkTranslator
from psmatch_core.workspace.jobs.score_map import ScoreMapJob
from psmatch_core.workspace.manifest import MANIFEST
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.worker import execute
from tests.waiting import HANG, ended

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = HANG  # seconds for one script; AppTest's own three are too few for a busy machine

Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of the screen demo, done by the real worker, for which somebody asked for UMAP."""
    store = RunStore(tmp_path_factory.mktemp("finished"))
    recipe = Recipe(classifier=LinearClassifier(), translator=SampledNetworkTranslator())
    folder = store.start(demo_recipe(recipe, "screen"), name="the demo")
    ended(folder, state=DONE)
    assert execute(ScoreMapJob.create(folder), cache=store.stages).state == DONE
    return folder


@pytest.fixture
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Demos as an app without shipped ones computes them; test_shipped_demos.py has the others."""
    monkeypatch.setattr(shipped_demos, "PLACE", tmp_path / "nothing shipped")


@pytest.fixture(autouse=True)
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's script takes the place of ``__main__``, which processes of later tests would run again."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page in an empty workspace."""
    return opener(tmp_path / "workspace", monkeypatch)


@pytest.fixture
def full(finished: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page by the link of the finished run."""
    return opener(finished.path.parents[1], monkeypatch, run=finished.id)


@contextmanager
def without(folder: RunFolder, *names: str) -> Iterator[None]:
    """The run without some of its files, as a run that never wrote them: its manifest would call them missing."""
    places = [folder.path / each for each in (*names, MANIFEST)]
    aside = [place.with_name(f".{place.name}.aside") for place in places]
    for place, kept in zip(places, aside, strict=True):
        place.rename(kept)
    try:
        yield
    finally:
        for place, kept in zip(places, aside, strict=True):
            kept.rename(place)


def opener(workspace: Path, monkeypatch: pytest.MonkeyPatch, *, run: str = "") -> Open:
    """Opens pages in a workspace, by the link of a run where one is given."""
    monkeypatch.setenv("PSMATCH_WORKSPACE", str(workspace))
    monkeypatch.setenv("PSMATCH_DEMO_AHEAD", "0")
    monkeypatch.syspath_prepend(str(ROOT))

    def open_page(page: str = "data", *, link: str = run) -> AppTest:
        app = AppTest.from_file(str(ROOT / "main.py"), default_timeout=PATIENCE)
        if link:
            app.query_params["run"] = link
        app.run()
        if page != "data":
            app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        return app

    return open_page


def texts(app: AppTest) -> str:
    """All that a page says, in one text."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def plain_text(app: AppTest) -> str:
    """The same without escapes and bold marks."""
    return texts(app).replace("\\", "").replace("\u2060", "").replace("**", "")


def opened(app: AppTest, key: str, title: str) -> AppTest:
    """Open a tab: what nobody looks at is not drawn."""
    app.session_state[key] = title
    app.run()
    assert not app.exception
    return app


def links(app: AppTest) -> list[str]:
    """What the links to other pages say."""
    return [each.proto.label for each in app.get("page_link")]
