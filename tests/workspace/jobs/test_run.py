"""A run as a job: its place in the queue is free while the map is drawn, and it stops after the stage asked for."""

import pytest

from psmatch_core.classification.classifiers import LinearClassifier, MLPClassifier
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.run import UMAP_KEY, RunJob
from psmatch_core.workspace.queue import RunQueue
from psmatch_core.workspace.run_folder import DONE, LastStage, RunFolder
from psmatch_core.workspace.worker import execute
from tests.conftest import make_adata


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """Two small files; one source label is missing in the target."""
    place, specs = tmp_path_factory.mktemp("data"), []
    for seed, (name, labels) in enumerate({"RNA": ("A", "B", "C"), "ADT": ("A", "B")}.items()):
        make_adata(n=42, n_features=5, labels=labels, seed=seed).write_h5ad(place / f"{name}.h5ad")
        specs.append(DataSpec(path=str(place / f"{name}.h5ad"), label_key="label", name=name))
    return Recipe(classifier=LinearClassifier(strength=0.1)).with_data(*specs)


@pytest.mark.parametrize("stop_after", [LastStage.PROPENSITY, LastStage.MATCH])
def test_the_next_run_may_work_while_the_map_is_drawn(recipe, tmp_path, monkeypatch, stop_after):
    monkeypatch.setenv("PSMATCH_RUNS_AT_ONCE", "1")
    monkeypatch.setattr(files, "MAPS", ("pca",))
    queue, n_ahead = RunQueue(tmp_path / "queue"), {}

    def watch(event):
        n_ahead[event.stage.partition(":")[0]] = queue.n_ahead("the next run")

    run = RunFolder.create(tmp_path / "runs", recipe, stop_after=stop_after)
    assert execute(RunJob(run), queue=queue.root, also=watch).state == DONE
    assert n_ahead.pop("map") == 0
    assert "propensity" in n_ahead
    assert set(n_ahead.values()) == {1}
    assert files.SCORE_MAP.is_in(run, "pca")


def test_a_run_stops_after_the_stage_that_was_asked(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAPS", ())
    written = {}
    for stop_after in LastStage:
        run = RunFolder.create(tmp_path / "runs", recipe, stop_after=stop_after)
        assert execute(RunJob(run), cache=tmp_path / "stages").state == DONE
        parts = (files.PROPENSITY, files.COUPLING, files.LABELS, files.PREDICTED)
        written[stop_after] = [*(part.is_in(run) for part in parts), (run.exports / "pairs.csv").exists()]
    assert written == {
        LastStage.PROPENSITY: [True, False, False, False, False],
        LastStage.EVALUATION: [True, True, True, False, False],
        LastStage.MATCH: [True, True, True, True, True],
    }


def test_the_matches_are_there_before_they_are_judged_and_the_verdicts_before_the_pairs(recipe, tmp_path, monkeypatch):
    """Judging takes as long as matching; nobody need wait for it to look at the plan."""
    monkeypatch.setattr(files, "MAPS", ())
    run = RunFolder.create(tmp_path / "runs", recipe)
    seen = {}

    def watch(event):
        stage = event.stage.partition(":")[0]
        if stage in ("propensity", "halves", "compare") and stage not in seen:
            table = files.LABELS.read(run)
            verdicts = None if table is None else table.set_index("label")["verdict"].to_dict()
            seen[stage] = (files.COUPLING.is_in(run), files.MONITOR_REPORT.is_in(run), verdicts)

    assert execute(RunJob(run), also=watch).state == DONE
    last = files.LABELS.read(run).set_index("label")["verdict"].to_dict()
    not_yet = {"A": "not judged yet", "B": "not judged yet", "C": "not matched"}
    assert seen == {
        "propensity": (False, False, None),
        "halves": (True, False, not_yet),
        "compare": (True, True, last),
    }
    assert set(last.values()).isdisjoint({"not judged yet"})


def test_what_the_data_were_is_there_before_anything_is_trained(recipe, tmp_path):
    """Pages show it while the run trains; and a run that fails then has it too."""
    run = RunFolder.create(tmp_path / "runs", recipe.with_setting("source_preprocessing.n_components", 30))
    status = execute(RunJob(run))
    assert "components" in status.problem
    inputs, report = files.INPUTS.read(run), files.LABEL_REPORT.read(run)
    assert (inputs.source.name, inputs.source.n_cells, inputs.source.n_excluded) == ("RNA", 28, 14)
    assert (inputs.target.name, inputs.target.n_cells, inputs.target.n_features) == ("ADT", 42, 5)
    assert (report.shared, report.only_source, report.counts("target")) == (("A", "B"), ("C",), {"A": 21, "B": 21})
    assert [files.DATA.read(run, which=side).n_cells for side in files.BOTH_SIDES] == [28, 42]
    assert not files.PROPENSITY.is_in(run, "source")


@pytest.mark.parametrize(
    ("is_of_app", "asks", "drawn"), [(True, False, False), (False, False, False), (False, True, True)]
)
def test_umap_is_drawn_where_somebody_asks(recipe, tmp_path, is_of_app, asks, drawn):
    run = RunFolder.create_at(
        tmp_path / "run", recipe, stop_after=LastStage.PROPENSITY, **({UMAP_KEY: True} if asks else {})
    )
    assert execute(RunJob(run), queue=tmp_path / "queue" if is_of_app else None).state == DONE
    assert [files.SCORE_MAP.is_in(run, method) for method in ("pca", "umap")] == [True, drawn]


def shares_of(recipe, folder):
    """The events of a finished run, and the shares of each stage, which rise and end at 1."""
    run, heard = RunFolder.create(folder, recipe), []
    assert execute(RunJob(run), also=heard.append).state == DONE
    stages: dict[str, list[float]] = {}
    for event in heard:
        stages.setdefault(event.stage, []).append(event.fraction)
    for stage, shares in stages.items():
        assert shares == sorted(shares), stage
        assert shares[-1] == 1, stage
    return heard, stages


def test_every_stage_of_a_run_with_known_pairs_rises_and_ends_at_one(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAPS", ("pca",))
    specs = []
    for seed, name in enumerate(("RNA", "ADT")):
        adata = make_adata(n=240, n_features=5, labels=("A", "B"), seed=seed)
        adata.obs["cell"] = [f"cell {at}" for at in range(240)]
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
        specs.append(DataSpec(path=str(tmp_path / f"{name}.h5ad"), label_key="label", pair_key="cell", name=name))
    networks = MLPClassifier(n_epochs=3)
    heard, stages = shares_of(Recipe(classifier=networks).with_data(*specs), tmp_path / "runs")
    assert {"evaluate", "evaluate: features", "held-out pairs: RNA", "held-out pairs: ADT", "held-out pairs"} <= set(
        stages
    )
    words = {event.message for event in heard if event.stage == "evaluate: features"}
    for direction in ("target to source", "source to target"):
        assert f"features, {direction}, training on the true pairs, trained" in words
    epochs = [event for event in heard if event.stage == "held-out pairs: RNA" and "epoch" in event.message]
    assert epochs
    assert not any(event.values for event in epochs)


def test_every_stage_of_a_run_rises_and_ends_at_one(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAPS", ("pca",))
    heard, stages = shares_of(recipe, tmp_path / "runs")
    order = list(stages)
    assert order.index("compare") < order.index("translate: target to source") < order.index("export")
    assert "translate: source to target" in order
    predicted = [event.message for event in heard if event.stage == "translate: target to source"]
    assert "label A" in predicted
