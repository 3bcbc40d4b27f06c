"""The core on real cells: what the project promises, on the sets beside the checkout."""

import anndata
import numpy as np
import pytest

from psmatch_core.classification.classifiers import MLPClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.known_pairs import with_known_pairs
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher, UniformMatcher
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def features(shared):
    folder = shared / "data" / "bmmc_cite"
    sides = [
        Modality.from_anndata(anndata.read_h5ad(folder / f"mod{i}.h5ad"), label_key="label", name=name)
        for i, name in ((1, "RNA"), (2, "ADT"))
    ]
    source, target, _ = with_known_pairs(*sides)
    return [Recipe().source_preprocessing.fit(side).transform(side) for side in (source, target)]


@pytest.fixture(scope="module")
def models(features):
    return [fit_propensity(side) for side in features]


@pytest.mark.slow
def test_default_beats_one_network_on_raw_logits(features, models):
    """The figures of benchmarks/quality.py, on one seed and all cells: the direction must hold everywhere."""
    default = evaluate(match(*models)).micro
    paper = [fit_propensity(side, MLPClassifier()) for side in features]
    raw = evaluate(match(*paper, SinkhornMatcher(epsilon=0.05, epsilon_unit="absolute", align=False))).micro
    assert default["trace_fold"] > raw["trace_fold"]
    assert default["foscttm"] < raw["foscttm"] - 0.01
    assert default["rank"] < raw["rank"]


def test_uniform_scores_exactly_chance_on_real_cells(models):
    result = evaluate(match(*models, UniformMatcher()))
    assert result.micro["trace_fold"] == pytest.approx(1, abs=1e-12)
    assert result.micro["foscttm"] == pytest.approx(0.5, abs=1e-12)
    assert result.micro["rank"] == pytest.approx(0.5, abs=1e-12)
    assert len(result.per_label) + len(result.skipped) == 41


def test_every_label_of_41_has_a_status_and_none_is_dropped(models):
    coupling = match(*models)
    assert len(coupling.statuses) == 41
    assert not any(status.outcome.needs_attention for status in coupling.statuses)
    assert np.isfinite(coupling.pull(models[1].modality.X)).all()


def test_unpaired_sets_run_and_say_that_they_cannot_be_judged(shared):
    folder = shared / "data" / "pbmc_rna_atac_unpaired"
    recipe = Recipe().with_setting("classifier", "LinearClassifier")
    specs = [DataSpec(path=str(folder / f"mod{i}.h5ad"), label_key="label", name=f"m{i}") for i in (1, 2)]
    result = run(recipe.with_data(*specs))
    assert result.evaluation is None
    assert any("More labels give better matches" in note for note in result.notes)
    assert len(result.coupling) == 5
