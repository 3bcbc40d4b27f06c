"""The table of Experiment 1 on couplings whose figures are known before anything is measured."""

import pytest

from benchmarks.paper.experiment1 import ROWS, RandomPartner, draw, judged
from psmatch_core.classification.classifiers import CNNClassifier
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import KnownPairsMatcher, UniformMatcher


@pytest.fixture(scope="module")
def images():
    return draw(cells=960, size=16, seed=0)


@pytest.fixture(scope="module")
def models(images):
    return images.scored(CNNClassifier(channels=(2,), n_epochs=1))


def figures(images, models, matcher):
    return judged(match(*models, matcher, seed=0), images)


def test_a_quarter_of_each_side_is_its_own(images):
    assert images.source.n_cells == images.target.n_cells == 960
    assert len(set(images.source.pair_ids) & set(images.target.pair_ids)) == 720


def test_true_pairs_are_perfect(images, models):
    known = figures(images, models, KnownPairsMatcher())
    assert known["trace"] == pytest.approx(1)
    assert known["latent_mse"] == pytest.approx(0, abs=1e-12)
    assert known["latent_r2"] == pytest.approx(1)
    assert known["n_pairs"] == 720


def test_uniform_scores_the_label_mean_and_a_random_partner_minus_1(images, models):
    uniform, random = figures(images, models, UniformMatcher()), figures(images, models, RandomPartner())
    assert uniform["trace_fold"] == pytest.approx(1)
    assert uniform["latent_r2"] == pytest.approx(0, abs=0.03)  # the target's label means are not quite the source's
    assert random["trace_fold"] == pytest.approx(1, abs=0.5)
    assert random["latent_r2"] == pytest.approx(-1, abs=0.15)


def test_the_papers_rows_are_all_named():
    assert {"PS + OT", "VAE + OT", "PS + SNN", "VAE + SNN", "SCOT"} <= {row.name for row in ROWS}
