"""The epsilon that the data suggest: sharp where halves of the features agree in both modalities, smooth where not."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import NeighborMatcher, SinkhornMatcher
from psmatch_core.monitor import EpsilonByInformation, HalfScores, MonitorReport, epsilon_by_information, judge
from psmatch_core.monitor.evidence import Evidence
from tests.conftest import make_modality


@pytest.fixture(scope="module")
def fitted_pair():
    labels = ("A", "B", "C", "D")
    sides = [
        make_modality(name, n=240, n_features=4, labels=labels, seed=seed) for seed, name in enumerate(("RNA", "ADT"))
    ]
    return [fit_propensity(side, LinearClassifier(strength=0.1)) for side in sides]


def measured(pair, *, noise, seed=0):
    """The models with the scores of a latent that both modalities share, measured twice with noise."""
    draw = np.random.default_rng(seed)
    latent = draw.normal(size=(240, 4))
    found = []
    for each in pair:
        twice = [latent + noise * draw.normal(size=latent.shape) for _ in range(2)]
        halves = HalfScores(*(scores - scores.mean(axis=1, keepdims=True) for scores in twice))
        found.append((replace(each, logits=(halves.first + halves.second) / 2), halves))
    return [model for model, _ in found], tuple(halves for _, halves in found)


def suggestion(pair, matcher=None, **settings):
    models, halves = measured(pair, **settings)
    return epsilon_by_information(*models, halves, matcher or SinkhornMatcher())


def test_the_noisier_the_halves_the_smoother_the_plan(fitted_pair):
    found = [suggestion(fitted_pair, noise=noise) for noise in (0.3, 1.0, 3.0)]
    assert found[0].epsilon < found[1].epsilon < found[2].epsilon
    assert found[0].information > found[1].information > found[2].information
    assert found[0].information > 1


def test_halves_that_share_nothing_support_a_uniform_plan(fitted_pair):
    models, halves = measured(fitted_pair, noise=1.0)
    smooth = 0
    for seed in range(8):
        draw = np.random.default_rng(seed)
        nothing = tuple(HalfScores(*draw.normal(size=(2, 240, 4))) for _ in halves)
        found = epsilon_by_information(*models, nothing, SinkhornMatcher())
        assert found.information < 0.1
        smooth += found.information == 0 and found.epsilon == 1
    assert smooth >= 6  # at most one in twenty is above all its shuffles, and none by much


@pytest.mark.parametrize("shared", [0, 1])
def test_one_modality_without_a_signal_is_enough_for_a_uniform_plan(fitted_pair, shared):
    models, halves = measured(fitted_pair, noise=0.3)
    smooth = 0
    for seed in range(8):
        noise = HalfScores(*np.random.default_rng(seed).normal(size=(2, 240, 4)))
        mixed = (halves[0], noise) if shared == 0 else (noise, halves[1])
        smooth += epsilon_by_information(*models, mixed, SinkhornMatcher()).information == 0
    assert smooth >= 6


def test_one_modality_that_is_not_reliable_is_enough_to_smooth(fitted_pair):
    models, halves = measured(fitted_pair, noise=0.3)
    noise = HalfScores(*np.random.default_rng(1).normal(size=(2, 240, 4)))
    sharp = epsilon_by_information(*models, halves, SinkhornMatcher())
    smooth = epsilon_by_information(*models, (halves[0], noise), SinkhornMatcher())
    assert smooth.epsilon > 3 * sharp.epsilon


def test_the_plan_at_the_suggestion_holds_the_information_that_is_supported(fitted_pair):
    models, halves = measured(fitted_pair, noise=0.8)
    found = epsilon_by_information(*models, halves, SinkhornMatcher())
    again = epsilon_by_information(*models, halves, SinkhornMatcher(epsilon=found.epsilon))
    assert again.at_run == pytest.approx(found.information, rel=0.05)
    assert again.information == pytest.approx(found.information)
    coupling = match(*models, SinkhornMatcher(epsilon=found.epsilon))
    held = [np.log(block.shape[1]) - np.log(block.n_effective).mean() for block in coupling.blocks.values()]
    assert np.mean(held) == pytest.approx(found.information, rel=0.05)


def test_methods_without_such_an_epsilon_get_none(fitted_pair):
    assert suggestion(fitted_pair, NeighborMatcher(), noise=1.0) is None
    assert suggestion(fitted_pair, SinkhornMatcher(epsilon_unit="absolute"), noise=1.0) is None


def test_the_same_seed_suggests_the_same(fitted_pair):
    assert suggestion(fitted_pair, noise=1.0) == suggestion(fitted_pair, noise=1.0)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (EpsilonByInformation(0.3, 0.2, 0.05, 1.8), "carried 1.80: sharper than the evidence"),
        (EpsilonByInformation(0.06, 0.9, 0.05, 1.0), "carried 1.00: about right"),
        (EpsilonByInformation(0.01, 1.9, 0.05, 1.2), "carried 1.20: smoother than the evidence"),
        (
            EpsilonByInformation(1.0, 0.0, 0.05, 1.2),
            "no plan sharper than the uniform one (ε 1)",
        ),
    ],
)
def test_the_sentence_compares_with_the_epsilon_of_the_run(found, words):
    assert words in found.described()


def test_a_report_keeps_it_and_an_earlier_report_has_none(fitted_pair):
    models, halves = measured(fitted_pair, noise=1.0)
    found = epsilon_by_information(*models, halves, SinkhornMatcher())
    report = judge(match(*models), Evidence(epsilon=found))
    data = report.to_dict()
    assert MonitorReport.from_dict(data).epsilon == found
    del data["epsilon"]
    assert MonitorReport.from_dict(data).epsilon is None
