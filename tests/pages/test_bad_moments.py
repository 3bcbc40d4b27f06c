"""Bad moments, each walked through every page: awkward labels, runs that failed or are another version's."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from pages.shell.navigation import PAGES
from psmatch_core import __version__
from psmatch_core.monitor import Verdict
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests import moments
from tests.pages.conftest import Open, links, opened, opener, plain_text

HIGHEST = 2500  # px; a figure beyond this is scrolled, not read


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("moments") / "workspace")


@pytest.fixture(scope="module")
def small(store: RunStore) -> RunFolder:
    """A label of three cells among larger ones."""
    return moments.run(store, moments.small_label(store.root.parent / "small"), name="a small label")


@pytest.fixture
def walk(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a run of the moments, and then every page in turn."""
    open_page = opener(store.root, monkeypatch)

    def pages(folder: RunFolder) -> Iterator[tuple[str, AppTest]]:
        app = open_page(link=folder.id)
        app.button(key="data.step.labels").click().run()
        yield "data", app
        for page in PAGES:
            if page != "data":
                app.switch_page(f"pages/{page}.py").run()
                assert not app.exception, page
                yield page, app

    return pages


def errors(app: AppTest) -> list[str]:
    """Error boxes; the verdict of the monitor is red too where cells are matched by label only, and is none."""
    verdicts = tuple(f"**{verdict.title}" for verdict in Verdict)
    return [each.value for each in app.error if not each.value.startswith(verdicts)]


def labels_of(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_a_failed_run_says_where_and_why_and_what_to_do(walk: Open, store: RunStore) -> None:
    failed = moments.run(store, moments.failing(store.root.parent / "failing"), name="it failed", state="failed")
    for page, app in walk(failed):
        if page == "data":
            assert "it failed" in plain_text(app)
            continue
        assert len(app.error) == 1, page
        assert "This run failed while selecting and scaling features." in plain_text(app), page
        assert "RNA: 90 principal components requested" in plain_text(app), page
        assert "Choose at most 7 components." in plain_text(app), page
        assert "Try again" in labels_of(app), page
        assert "Change its settings on Data" in links(app), page
        assert "matched yet" not in plain_text(app), page  # one message, not two
    store.delete(failed)


def test_a_run_of_an_earlier_version_says_so(walk: Open, store: RunStore, small: RunFolder) -> None:
    old = moments.of_earlier_layout(moments.copied(store, small, name="of old"))
    for page, app in walk(old):
        assert not errors(app), page
        if page == "data":
            assert "of old" in plain_text(app)
            continue
        assert f"Made by version 0.0.9 of psmatch (this is {__version__})" in plain_text(app), page
        assert "Compute again" in labels_of(app), page
        if page == "translate":
            assert "saved no predictions of single features" in plain_text(app)
        else:
            assert any(len(app.get(kind)) for kind in ("plotly_chart", "bidi_component")) or len(app.dataframe), page
    store.delete(old)


def test_results_in_another_versions_format_are_reported(walk: Open, store: RunStore, small: RunFolder) -> None:
    old = moments.of_other_files(moments.copied(store, small, name="of other files"))
    for page, app in walk(old):
        if page in ("data", "translate", "evaluate"):  # which do without the models
            continue
        message = "source_propensity.npz was written by another version of the program (it lacks 'scoring')"
        assert message in plain_text(app), page
        assert labels_of(app).count("Compute again") == 1, page
    store.delete(old)


def test_settings_of_another_version_are_reported_and_its_files_can_be_loaded(
    store: RunStore, small: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = moments.of_other_settings(moments.copied(store, small, name="of other settings"))
    for page in ("data", "match", "export"):
        app = opener(store.root, monkeypatch)(page, link=old.id)
        assert "Another version of psmatch made this run" in plain_text(app), page
        assert "temperature_of_old" in plain_text(app), page
        assert len(app.error) == 1, page  # the list of runs takes it calmly
        app.button(key="salvage").click().run()
        assert not app.exception, page
        app.switch_page("pages/data.py").run()
        assert not app.error, page
        assert "RNA.csv" in plain_text(app), page
        assert "Protein.csv" in plain_text(app), page
        assert "settings of another version of psmatch" in plain_text(app), page
    store.delete(old)


def test_four_hundred_labels_fit_every_page(walk: Open, store: RunStore) -> None:
    many = moments.run(store, moments.many_labels(store.root.parent / "many"), name="many labels")
    wanted = {
        "data": "share 400 labels",
        "propensity": "400 labels for 1,200 cells",
        "match": "400 of 400",
        "monitor": "Labels: ",
        "translate": "R² within labels",
        "evaluate": "Choose a coarser label column on Data",
        "export": "The first 100 of",
    }
    for page, app in walk(many):
        assert not errors(app), page
        assert wanted[page] in everything(app), page
        for figure in figures(app):
            heights = [float(each) for each in re.findall(r'"height":([0-9.]+)', figure)]
            assert max(heights, default=0) < HIGHEST, (page, figure[:200])


def test_labels_of_two_hundred_characters_stay_apart(walk: Open, store: RunStore) -> None:
    long = moments.run(store, moments.long_labels(store.root.parent / "long"), name="long labels")
    for page, app in walk(long):
        assert not errors(app), page
        if page == "export":  # its table holds names as they are, for taking along
            assert set(app.dataframe[0].value["label"]) <= set(moments.LONG)
            continue
        if page == "translate":  # its first tab draws features and no label
            opened(app, f"translate.tabs.{long.id}", "Leave a perturbation out")
        if page == "monitor":  # its first tab is a table
            opened(app, f"monitor.tabs.{long.id}", "Agreement")
        for end in ("00", "05"):  # cut in their middle, so that each is itself
            assert re.search(rf"CRISPRi[^\n\"]*…[^\n\"]* {end}\b", everything(app)), (page, end)


def test_a_label_of_three_cells_is_pointed_out(walk: Open, small: RunFolder) -> None:
    wanted = {"data": "1 label has too few cells (under 5): IRF9 (3 cells)", "evaluate": "1 label not evaluated"}
    for page, app in walk(small):
        assert not errors(app), page
        assert wanted.get(page, "IRF9") in everything(app), page


@pytest.mark.parametrize("page", ["propensity", "translate"])
def test_a_feature_search_that_finds_nothing_says_what_to_do(full: Open, finished: RunFolder, page: str) -> None:
    app = full(page)
    if page == "propensity":
        app.selectbox(key=f"color.{finished.id}").select("feature").run()
    else:
        app.segmented_control(key=f"direction.{finished.id}").set_value("source_to_target").run()
    field = search_field(app)
    field.set_value("no such gene").run()
    assert not app.exception
    assert "contains no such gene" in plain_text(app)
    (clear,) = [each for each in app.button if each.label == "Show all again"]
    clear.click().run()
    assert not app.exception
    assert "contains no such gene" not in plain_text(app)
    assert search_field(app).value == ""


def search_field(app: AppTest):
    (field,) = [each for each in app.text_input if each.label.startswith("Find a")]
    return field


def figures(app: AppTest) -> list[str]:
    """The figures of a page as JSON."""
    return [each.proto.spec or each.proto.figure.spec for each in app.get("plotly_chart")]


def everything(app: AppTest) -> str:
    """All that a page says, its figures, tables and lists included."""
    drawn = "\n".join(figures(app))
    if "\\u" in drawn:
        drawn = drawn.encode().decode("unicode_escape", errors="ignore")
    tables = "\n".join(each.value.to_csv() for each in app.dataframe)
    values = "\n".join(str(metric.value) for metric in app.metric)
    folds = "\n".join(each.label for each in app.expander)
    choices = "\n".join(str(option) for each in app.selectbox for option in each.options)
    return "\n".join((plain_text(app), values, tables, folds, choices, drawn))
