"""match and Coupling: every label has a status, nothing is matched across labels."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from psmatch_core.base.cores import CORES_VARIABLE
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.blocks import DenseBlock
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.match import known_ids, match
from psmatch_core.matching.matchers import (
    KnownPairsMatcher,
    LabelMatcher,
    NeighborMatcher,
    SinkhornMatcher,
    UniformMatcher,
)
from tests.conftest import make_modality
from tests.waiting import HANG

LATER = threading.Event()  # set when a label that is later in the order has told both of its steps
MATCHERS = [SinkhornMatcher(), NeighborMatcher(n_neighbors=3), UniformMatcher()]


@pytest.fixture(params=MATCHERS, ids=repr)
def coupling(request, models):
    return match(*models, request.param)


def test_no_mass_between_labels(coupling):
    P = coupling.to_sparse().tocoo()
    source, target = coupling.source.modality.labels, coupling.target.modality.labels
    assert (source[P.row] == target[P.col]).all()
    assert P.data.sum() == pytest.approx(1)


@pytest.mark.parametrize("kept", [{}, {"top": 2}, {"smallest": 0.1}], ids=str)
def test_the_whole_is_the_blocks_in_their_places(coupling, kept):
    P = coupling.to_sparse(**kept)
    P.check_format(full_check=True)
    assert P.has_canonical_format
    total = 0
    for label, block in coupling.blocks.items():
        mine, theirs = coupling.source_cells[label], coupling.target_cells[label]
        parts = [part.toarray() for _, part in block.sparse_rows(**kept)]
        np.testing.assert_allclose(P[mine][:, theirs].toarray(), np.concatenate(parts) * coupling.mass(label))
        total += sum(np.count_nonzero(part) for part in parts)
    assert np.count_nonzero(P.data) == total


def test_shares_of_labels_are_those_of_source_cells(coupling):
    for label in coupling:
        cells = (coupling.source.modality.labels == label).sum()
        assert coupling.mass(label) == pytest.approx(cells / coupling.source.modality.n_cells)


def test_every_label_has_a_status(coupling):
    assert [status.label for status in coupling.statuses] == list(coupling.source.label_names)


def test_projection_of_a_constant_is_the_constant(coupling):
    n, m = coupling.source.modality.n_cells, coupling.target.modality.n_cells
    assert np.allclose(coupling.pull(np.full((m, 2), 3.0)), 3.0)
    assert np.allclose(coupling.push(np.full((n, 2), 3.0))[~np.isnan(coupling.push(np.ones((n, 1)))[:, 0])], 3.0)


def test_projection_equals_the_written_out_plan(coupling):
    y = np.random.default_rng(0).normal(size=(coupling.target.modality.n_cells, 2))
    P = coupling.to_sparse().toarray()
    assert np.allclose(coupling.pull(y), (P / P.sum(axis=1, keepdims=True)) @ y, atol=1e-6)


def test_executor_changes_nothing(models):
    alone = match(*models)
    with ThreadPoolExecutor(2) as pool:
        together = match(*models, executor=pool)
    assert np.allclose(alone.to_sparse().toarray(), together.to_sparse().toarray(), rtol=0, atol=1e-12)


def test_label_without_plan_is_named(models):
    with pytest.raises(PsmatchError, match="There is no plan for label 'Z'") as caught:
        match(*models)["Z"]
    assert "A, B, C" in caught.value.hint


def test_other_labels_on_the_two_sides_are_refused(models):
    other = fit_propensity(make_modality("ADT", labels=("A", "B"), n_features=4), LinearClassifier(strength=0.1))
    with pytest.raises(PsmatchError, match=r"trained on different labels \(C in one only\)"):
        match(models[0], other)


@dataclass(frozen=True)
class BrokenMatcher(LabelMatcher):
    """Hands out plans that must not reach anyone."""

    fault: str = "nan"

    def couple(self, problem, *, progress):
        P = np.full((problem.x.shape[0], problem.y.shape[0]), 1.0)
        P = P / P.sum()
        if self.fault == "nan":
            P[0, 0] = np.nan
        elif self.fault == "half":
            P /= 2
        elif self.fault == "negative":
            P -= P.max() * 1.5
        elif self.fault == "shape":
            P = P[:, 1:] / P[:, 1:].sum()
        elif self.fault == "mass":
            P *= 1 + 1e-4
        elif self.fault in ("row", "closed form"):
            P[1] = 0
            P /= P.sum()
        elif self.fault in ("column", "random partners"):
            P[:, 0] = 0
            P /= P.sum()
        closed = self.fault in ("closed form", "random partners")
        return DenseBlock(P), problem.status(Outcome.CLOSED_FORM if closed else Outcome.CONVERGED)


@pytest.mark.parametrize("fault", ["nan", "half", "negative", "shape"])
def test_a_broken_plan_is_a_failed_label_not_a_result(models, fault):
    coupling = match(*models, BrokenMatcher(fault))
    assert len(coupling) == 0
    assert all(status.outcome is Outcome.FAILED for status in coupling.statuses)
    assert "the plan is not usable" in coupling.statuses[0].message


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        ("mass", Outcome.NOT_CONVERGED, "a mass of 1.0001000 instead of 1"),
        ("row", Outcome.PARTIAL, "1 source cell and 0 target cells without a match"),
        ("closed form", Outcome.PARTIAL, "1 source cell and 0 target cells without a match"),
        ("column", Outcome.PARTIAL, "0 source cells and 1 target cell without a match"),
        ("random partners", Outcome.CLOSED_FORM, ""),
    ],
)
def test_a_plan_that_breaks_what_its_status_says_needs_attention(models, fault, outcome, words):
    """A target cell may be nobody's neighbour; a source cell without a match is always told."""
    coupling = match(*models, BrokenMatcher(fault))
    assert len(coupling) == len(coupling.source.label_names)
    assert {status.outcome for status in coupling.statuses} == {outcome}
    assert words in coupling.statuses[0].message
    assert coupling.statuses[0].outcome.needs_attention == (fault != "random partners")


def test_pairs_are_known_only_where_cells_agree(models):
    assert known_ids(models[0].modality, models[1].modality) is None
    with pytest.raises(PsmatchError, match="True pairs are not known"):
        match(*models, KnownPairsMatcher())


@dataclass(frozen=True)
class ToldMatcher(LabelMatcher):
    """Tells two steps of each label, the last label's first."""

    def couple(self, problem, *, progress):
        if problem.label == "A":
            LATER.wait(HANG)
        for share in (0.25, 0.75):
            progress(Event("match", share, f"step {share:g}"))
        if problem.label != "A":
            LATER.set()
        n, m = problem.sizes
        return DenseBlock(np.full((n, m), 1 / (n * m))), problem.status(Outcome.CONVERGED)


def test_labels_side_by_side_tell_a_share_that_never_falls(models, monkeypatch):
    """A is first in order and ends last: the share of the labels before it must not be told as done."""
    monkeypatch.setenv(CORES_VARIABLE, "3")
    LATER.clear()
    heard = []
    coupling = match(*models, ToldMatcher(), progress=heard.append)
    shares, texts = [each.fraction for each in heard], [each.message for each in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    sizes = {label: coupling.source_cells[label].size * coupling.target_cells[label].size for label in coupling}
    others = sum(sizes.values()) - sizes["A"]
    assert shares[texts.index("label A, step 0.25")] < (others + sizes["A"] / 2) / sum(sizes.values())
    assert texts.index("label A, step 0.25") > min(texts.index(f"label {each}, step 0.25") for each in "BC")
    assert {f"label {label}" for label in coupling} <= set(texts)
