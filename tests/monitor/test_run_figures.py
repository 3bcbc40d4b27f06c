"""The figures of a run: one definition each, whoever shows them."""

import json
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.evaluation.within_labels import PROBE, feature_accuracy
from psmatch_core.matching.blocks import DenseBlock, uniform_block
from psmatch_core.matching.coupling import Outcome, Status
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import UniformMatcher
from psmatch_core.monitor.run_figures import FIGURES, RunFigures, match_figures, score_figures
from tests.conftest import make_modality


@pytest.fixture(scope="module")
def coupling(models):
    return match(*models)


def test_every_figure_has_a_title_and_no_two_share_one():
    assert set(FIGURES) == {each.name for each in fields(RunFigures)}
    assert len({figure.axis() for figure in FIGURES.values()}) == len(FIGURES)
    assert FIGURES["loss_source"].axis(source="RNA {x}") == "Loss of RNA {x} (nats per cell)"
    assert FIGURES["energy_target_to_source"].title() == "Energy distance of the target features"


def test_effective_matches_are_the_median_over_cells_and_not_over_labels(models):
    """34 cells have one match and 30 have 16, while two of the three labels have a median of 16."""
    source, target = models
    few = np.zeros((22, 16))
    few[:6, 0] = 1 / 22
    few[6:] = 1 / (22 * 16)
    few[21] = 0  # a cell without a match has neither one partner nor many
    one = np.zeros((22, 16))
    one[:, 0] = 1 / 22
    blocks = {"A": DenseBlock(few), "B": DenseBlock(few), "C": DenseBlock(one)}
    coupling = replace(match(source, target, UniformMatcher()), blocks=blocks)
    every = np.r_[np.ones(6), np.full(15, 16), np.ones(6), np.full(15, 16), np.ones(22)]
    assert match_figures(coupling).n_effective == pytest.approx(np.median(every)) == pytest.approx(1)
    assert match_figures(coupling).plan_entropy == pytest.approx(np.log(every).mean())
    medians = [np.median(block.n_effective) for block in blocks.values()]
    assert np.median(medians) == pytest.approx(16)  # what the median over labels would say


def test_the_loss_is_the_mean_share_of_the_label_entropy(models, coupling):
    figures = match_figures(coupling)
    assert figures.loss == pytest.approx(np.mean([model.validation_loss / model.label_entropy for model in models]))
    assert figures.raw_loss == pytest.approx(
        np.mean([model.raw_validation_loss / model.label_entropy for model in models])
    )
    assert figures.error_target == models[1].reliability.expected_error
    before = score_figures(*models).to_dict()
    assert {name: figures.to_dict()[name] for name in before} == before
    assert "n_effective" not in before


def test_what_was_not_measured_is_missing_and_what_has_no_value_is_nan(coupling):
    figures = replace(match_figures(coupling), stability=float("nan"))
    assert figures.foscttm is None
    assert figures.seconds is None
    kept = json.loads(json.dumps({**figures.to_dict(), "of a later version": 1.0}))
    again = RunFigures.from_dict(kept)
    assert again.foscttm is None
    assert again.stability is not None
    assert np.isnan(again.stability)
    assert again.loss == figures.loss


def test_partners_that_are_found_cost_less_than_a_uniform_plan(coupling):
    assert 0 < match_figures(coupling).cost < 1
    uniform = {label: uniform_block(*block.shape) for label, block in coupling.blocks.items()}
    assert match_figures(replace(coupling, blocks=uniform)).cost == pytest.approx(1)


def test_the_cost_of_a_run_is_the_mean_of_its_labels_by_their_cells():
    """Two thirds of the cells have a uniform plan, which costs 1; the others cost what their label alone costs."""
    labels = ("A", "A", "B")
    sides = (make_modality("RNA", n=60, labels=labels, seed=1), make_modality("ADT", n=60, labels=labels, seed=2))
    coupling = match(*(fit_propensity(side, LinearClassifier(strength=0.1)) for side in sides))
    alone = match_figures(replace(coupling, blocks={"B": coupling["B"]})).cost
    assert alone < 0.99
    mixed = {"A": uniform_block(*coupling["A"].shape), "B": coupling["B"]}
    assert match_figures(replace(coupling, blocks=mixed)).cost == pytest.approx((2 + alone) / 3)


def test_the_truth_is_among_the_figures_where_it_is_known():
    models = [fit_propensity(make_modality("RNA", n=60, seed=1), LinearClassifier(strength=0.1)) for _ in range(2)]
    uniform = match(*models, UniformMatcher())
    judged = evaluate(uniform)
    values = uniform.source.modality.X
    plans = {"matched": values, "uniform": values * 0, "true_pairs": values}
    about = {"direction": "target_to_source", "at": "RNA", "translator": PROBE}
    accuracy = feature_accuracy(plans, uniform.target.modality, np.arange(60), **about)
    figures = match_figures(uniform, judged, accuracy={"target_to_source": (accuracy,)})
    assert figures.foscttm == pytest.approx(0.5)
    assert figures.trace_fold == pytest.approx(1)
    assert (figures.r2_within, figures.gap_closed) == (pytest.approx(1), pytest.approx(1))
    assert figures.r2_uniform == accuracy.r2["uniform"] == pytest.approx(0)
    assert match_figures(uniform, judged).r2_within is None
    assert figures.energy_source_to_target is None


def test_distances_of_distributions_stand_where_no_pair_is_known(coupling):
    compared = SimpleNamespace(micro={"translated": {"energy": 0.25}, "floor": {"energy": 0.1}})
    figures = match_figures(coupling, None, {"source_to_target": compared})
    assert figures.energy_source_to_target == 0.25
    assert figures.energy_target_to_source is None


def test_labels_that_need_attention_are_counted(coupling):
    assert match_figures(coupling).labels_attention == 0
    statuses = (*coupling.statuses, Status("D", 4, 0, Outcome.NO_COUNTERPART))
    figures = match_figures(replace(coupling, statuses=statuses))
    assert (figures.labels_matched, figures.labels_attention) == (3, 1)
    assert match_figures(coupling, n_attention=7).labels_attention == 7


def test_of_two_translators_the_last_counts_which_true_pairs_can_train_too():
    cells = make_modality("RNA", n=60, labels=("A", "A", "B"), seed=1)
    coupling = match(*(fit_propensity(cells, LinearClassifier(strength=0.1)) for _ in range(2)), UniformMatcher())
    means = np.stack([cells.X[cells.labels == label].mean(axis=0) for label in cells.labels])
    about = {"direction": "target_to_source", "at": "RNA", "translator": PROBE}
    plans = [{"matched": means + share * (cells.X - means), "uniform": means} for share in (0.2, 0.5)]
    own, probe = (feature_accuracy(each, cells, np.arange(60), **about) for each in plans)
    figures = match_figures(coupling, accuracy={"target_to_source": (own, probe), "source_to_target": (own, own)})
    assert figures.r2_within == probe.r2["matched"] == pytest.approx(0.75)
    assert match_figures(coupling, accuracy={"target_to_source": (own,)}).r2_within == pytest.approx(0.36)
    assert match_figures(coupling, accuracy={"source_to_target": (own, probe)}).r2_within is None
