"""Several modalities: pairs as they are matched alone, the others composed, in whatever order they are named."""

import itertools

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.composed import compose, joined_status, transposed
from psmatch_core.matching.coupling import Outcome, Status
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import (
    FusedGromovMatcher,
    KnownPairsMatcher,
    SinkhornMatcher,
    UniformMatcher,
)
from psmatch_core.matching.several import BARYCENTER, PAIRS, PLANS, REFERENCE, match_several
from tests.conftest import make_modality

TIGHT = SinkhornMatcher(tolerance=1e-9)


@pytest.fixture(scope="module")
def models():
    """Three modalities of three sizes with the same five labels."""
    sizes, names = {"RNA": 70, "ADT": 50, "ATAC": 60}, tuple("ABCDE")
    cells = {name: make_modality(name, n=n, labels=names, seed=n) for name, n in sizes.items()}
    return {name: fit_propensity(each, LinearClassifier(strength=0.05)) for name, each in cells.items()}


def whole(coupling):
    return coupling.to_sparse().toarray()


def test_two_modalities_are_matched_as_ever(models):
    two = {name: models[name] for name in ("RNA", "ADT")}
    for plans in (PAIRS, REFERENCE):
        found = match_several(two, plans=plans, seed=4).between("RNA", "ADT")
        np.testing.assert_array_equal(whole(found), whole(match(*two.values(), seed=4)))
        assert found.statuses == match(*two.values(), seed=4).statuses


@pytest.mark.parametrize("plans", PLANS)
def test_every_coupling_has_the_marginals_that_it_must_have(models, plans):
    couplings = match_several(models, TIGHT, plans=plans)
    for one, other in itertools.permutations(models, 2):
        found = couplings.between(one, other)
        assert found.labels == tuple("ABCDE")
        assert not any(status.outcome.needs_attention for status in found.statuses)
        for label, block in found.blocks.items():
            n, m = found.source_cells[label].size, found.target_cells[label].size
            assert block.shape == (n, m)
            np.testing.assert_allclose(block.marginals[0], 1 / n, atol=1e-7)
            np.testing.assert_allclose(block.marginals[1], 1 / m, atol=1e-7)
        np.testing.assert_allclose(whole(couplings.between(other, one)) > 0, whole(found).T > 0)


@pytest.mark.parametrize("plans", [PAIRS, BARYCENTER])
def test_the_order_of_the_modalities_does_not_matter(models, plans):
    expected = match_several(models, TIGHT, plans=plans)
    for order in itertools.permutations(models):
        found = match_several({name: models[name] for name in order}, TIGHT, plans=plans)
        for pair in itertools.combinations(models, 2):
            np.testing.assert_allclose(whole(found.between(*pair)), whole(expected.between(*pair)), atol=1e-6)


def test_what_is_not_solved_is_composed_through_the_reference(models):
    couplings = match_several(models, plans=REFERENCE)
    assert set(couplings.solved) == {("RNA", "ADT"), ("RNA", "ATAC")}
    steps = transposed(match(models["RNA"], models["ADT"])), match(models["RNA"], models["ATAC"])
    np.testing.assert_allclose(whole(couplings.between("ADT", "ATAC")), whole(compose(*steps)))
    status = couplings.between("ADT", "ATAC").statuses[0]
    assert status.outcome is Outcome.CLOSED_FORM
    assert status.message == "composed through RNA"
    assert (status.n_source, status.n_target) == (10, 12)


@pytest.mark.parametrize("plans", PLANS)
def test_uniform_plans_stay_uniform(models, plans):
    couplings = match_several(models, UniformMatcher(), plans=plans)
    for pair in itertools.combinations(models, 2):
        np.testing.assert_allclose(
            whole(couplings.between(*pair)), whole(match(*(models[name] for name in pair), UniformMatcher())), rtol=1e-9
        )


def test_a_step_that_needs_attention_is_told_in_what_is_composed_of_it(models):
    late = SinkhornMatcher(max_iterations=1, tolerance=1e-12)
    found = match_several(models, late, plans=REFERENCE).between("ADT", "ATAC")
    assert {status.outcome for status in found.statuses} == {Outcome.NOT_CONVERGED}
    assert "composed through RNA; the step to it: error" in found.statuses[0].message


def test_couplings_that_share_no_cells_are_not_composed(models):
    one = match(models["RNA"], models["ADT"])
    with pytest.raises(PsmatchError, match=r"composed through the same cells.*ADT \(50 cells\).*RNA \(70 cells\)"):
        compose(one, match(models["RNA"], models["ATAC"]))


def test_a_barycentre_is_refused_to_what_compares_more_than_scores(models):
    for matcher in (KnownPairsMatcher(), FusedGromovMatcher()):
        with pytest.raises(PsmatchError, match="does not compare cells by their scores alone"):
            match_several(models, matcher, plans=BARYCENTER)


def test_what_is_wrong_is_said(models):
    with pytest.raises(PsmatchError, match="1 modality is given"):
        match_several({"RNA": models["RNA"]})
    with pytest.raises(PsmatchError, match=r"no plans 'star'.*pairs, reference, barycenter"):
        match_several(models, plans="star")
    with pytest.raises(PsmatchError, match=r"no coupling from 'RNA' to 'GEX'.*RNA, ADT, ATAC"):
        match_several(models).between("RNA", "GEX")


def test_the_summary_names_the_modalities(models):
    expected = "Couplings(RNA, ADT, ATAC: 5 labels, 70 × 50 × 60 cells, barycenter)"
    assert repr(match_several(models, plans=BARYCENTER)) == expected


def test_errors_of_two_steps_add_up_and_the_worse_step_is_named():
    first = Status("A", 7, 5, Outcome.CONVERGED, marginal_error=0.25)
    second = Status("A", 5, 9, Outcome.NOT_CONVERGED, "too slow", marginal_error=0.5)
    joined = joined_status(first, second, "ADT")
    assert (joined.label, joined.n_source, joined.n_target, joined.marginal_error) == ("A", 7, 9, 0.75)
    assert (joined.outcome, joined.message) == (
        Outcome.NOT_CONVERGED, "composed through ADT; the step from it: too slow",
    )  # fmt: skip
    assert joined_status(first, first, "ADT").marginal_error == 0.5
