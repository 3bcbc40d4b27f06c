"""A cluster: what travels does so once and sparse, what is lost travels again, and the numbers are those of here."""

import threading
from collections import Counter
from concurrent.futures import CancelledError, ThreadPoolExecutor
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base import cluster as cluster_module
from psmatch_core.base.cluster import MOST_LOSSES, Cluster, content_of
from psmatch_core.base.cores import computing_on, part_of, side_by_side
from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.classification.classifiers import FeatureBaggingClassifier, LinearClassifier
from psmatch_core.classification.classifiers.mlp import MLPClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.matchers import LabelProblem, SinkhornMatcher, base as matchers_base
from psmatch_core.monitor import HalvesOf, half_scores
from psmatch_core.transport import context
from tests.conftest import make_modality

distributed = pytest.importorskip("distributed")


class Part:
    """A future of the client below: computed at once."""

    def __init__(self, outcome):
        self.outcome = outcome

    def add_done_callback(self, callback):
        callback(self)

    def done(self):
        return True

    def result(self):
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


class Worker:
    """What a part sees of the worker that computes it."""

    state = type("State", (), {"tasks": {}})

    def __init__(self, client):
        self.client = client

    def get_current_task(self):
        return "task"

    def log_event(self, topic, words):
        self.client.heard[topic]((0.0, words))


class Client:
    """A cluster in this process: keeps what travels, and loses it or dies when it is told to."""

    status = "running"

    def __init__(self, monkeypatch, *, losses=0, dies=False):
        self.travelled, self.heard, self.losses, self.dies, self.n_parts = [], {}, losses, dies, 0
        monkeypatch.setattr(distributed, "get_worker", lambda: Worker(self))

    def subscribe_topic(self, topic, handler):
        self.heard[topic] = handler

    def get_executor(self, pure):
        return ThreadPoolExecutor(1)

    def scheduler_info(self):
        return {"workers": {"one": {}}}

    def scatter(self, values):
        self.travelled += values.values()
        return values

    def submit(self, function, *arguments, pure, key):
        self.n_parts += 1
        if self.losses:
            self.losses -= 1
            return Part(CancelledError())
        if self.dies:
            return Part(distributed.KilledWorker(key, None, 4))
        try:
            return Part(function(*arguments))
        except Exception as error:
            return Part(error)


@pytest.fixture(params=["dense", "sparse", "shifted"])
def modality(request):
    dense = make_modality("RNA", n=150, n_features=12, labels=tuple("ABC"))
    stored = sparse.csr_matrix(np.where(np.abs(dense.X) > 0.7, dense.X, 0).astype(np.float32))
    kinds = {"dense": dense.X, "sparse": stored, "shifted": ShiftedRows(stored, np.ones(12, dtype=np.float32))}
    return replace(dense, X=kinds[request.param])


LINEAR = LinearClassifier(strength=0.1)
BAGGED = FeatureBaggingClassifier(member=LINEAR)


def test_the_features_of_a_modality_travel_once_and_as_they_are_stored(modality, monkeypatch):
    client = Client(monkeypatch)
    with computing_on(Cluster(client, "here:1")):
        fit_propensity(modality, LinearClassifier())
        fit_propensity(modality, BAGGED)
        for of in HalvesOf:
            half_scores(modality, modality.label_names, LINEAR, of)
    kinds = Counter(type(each) for each in client.travelled if getattr(each, "ndim", 1) == 2)
    assert kinds == {type(modality.X): 1}


def test_equal_features_travel_once_for_several_runs(monkeypatch):
    client, modality = Client(monkeypatch), make_modality("RNA", n=60, labels=tuple("AB"))
    cluster = Cluster(client, "here:1")
    for seed in range(2):
        fit_propensity(replace(modality, X=modality.X.copy()), LINEAR, seed=seed, executor=cluster)
    assert sum(each.ndim == 2 for each in client.travelled) == 1


def test_a_cluster_changes_no_number(modality, monkeypatch):
    for classifier in (LinearClassifier(), BAGGED, MLPClassifier(n_epochs=3)):
        here = fit_propensity(modality, classifier)
        there = fit_propensity(modality, classifier, executor=Cluster(Client(monkeypatch), "here:1"))
        np.testing.assert_array_equal(here.logits, there.logits)
        np.testing.assert_array_equal(here.held_out_logits, there.held_out_logits)
        assert (here.curves, here.notes) == (there.curves, there.notes)


def test_what_a_network_reports_there_is_what_it_reports_here(monkeypatch):
    modality, classifier = make_modality("RNA", n=60, labels=tuple("AB")), MLPClassifier(n_epochs=3)
    here, there = [], []
    fit_propensity(modality, classifier, progress=here.append)
    fit_propensity(modality, classifier, progress=there.append, executor=Cluster(Client(monkeypatch), "here:1"))
    assert here == there


def test_what_is_lost_travels_again_but_not_for_ever(monkeypatch):
    modality = make_modality("RNA", n=60, labels=tuple("AB"))
    here = fit_propensity(modality, LINEAR)
    there = fit_propensity(modality, LINEAR, executor=Cluster(Client(monkeypatch, losses=2), "here:1"))
    np.testing.assert_array_equal(here.logits, there.logits)
    with pytest.raises(PsmatchError, match=f"lost the data of the same work {MOST_LOSSES} times"):
        fit_propensity(modality, LINEAR, executor=Cluster(Client(monkeypatch, losses=10**6), "here:1"))


def test_work_of_which_workers_die_is_refused_in_words(monkeypatch):
    modality = make_modality("RNA", n=60, labels=tuple("AB"))
    with pytest.raises(PsmatchError, match="Workers of the cluster at here:1 died again and again") as caught:
        fit_propensity(modality, LINEAR, executor=Cluster(Client(monkeypatch, dies=True), "here:1"))
    assert "more memory" in caught.value.hint


def test_a_scheduler_or_all_workers_that_are_gone_are_not_waited_for(monkeypatch):
    client = Client(monkeypatch, losses=1)
    client.status = "closed"
    modality = make_modality("RNA", n=60, labels=tuple("AB"))
    with pytest.raises(PsmatchError, match="connection to the dask scheduler at here:1 was lost"):
        fit_propensity(modality, LINEAR, executor=Cluster(client, "here:1"))

    client = Client(monkeypatch)
    client.scheduler_info = lambda: {"workers": {}}
    client.submit = lambda *_, **__: Unanswered()
    monkeypatch.setattr(cluster_module, "WANTED_SECONDS", 0.001)
    monkeypatch.setattr(cluster_module, "WITHOUT_WORKERS_SECONDS", -1)
    with pytest.raises(PsmatchError, match="has lost all its workers"):
        fit_propensity(modality, LINEAR, executor=Cluster(client, "here:1"))


class Unanswered(Part):
    """A future that nobody computes."""

    def __init__(self):
        self.is_cancelled = False

    def add_done_callback(self, callback):
        pass

    def done(self):
        return False

    def cancel(self):
        self.is_cancelled = True


@pytest.mark.parametrize("is_in_a_run", [True, False])
def test_the_tiles_of_a_large_label_go_there_and_its_small_ones_whole(is_in_a_run, monkeypatch):
    for module, name, pairs in (
        (matchers_base, "SPREAD_PAIRS", 1_400_000), (context, "_TRAVELLING_PAIRS", 1_400_000),
        (context, "_SERIAL_PAIRS", 10_000),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, pairs)
    rng = np.random.default_rng(0)
    clouds = [(rng.normal(size=(n, 4)), rng.normal(size=(n, 4))) for n in (1300, 1200, 120)]
    problems = [LabelProblem(name, x, y, None, None, 0) for name, (x, y) in zip("ABC", clouds, strict=True)]
    matcher = SinkhornMatcher(epsilon=0.01)
    here = list(matcher.couple_all(problems))
    client = Client(monkeypatch)
    cluster = Cluster(client, "here:1")
    with computing_on(cluster if is_in_a_run else None):
        there = list(matcher.couple_all(problems, executor=cluster))
    for (block, status), (other, said) in zip(here, there, strict=True):
        np.testing.assert_array_equal(block.to_array(), other.to_array())
        assert status == said
    assert client.n_parts >= 2 * 16  # groups of tiles in each pass over all pairs
    potentials = [each for each in client.travelled if isinstance(each, np.ndarray) and each.ndim == 1]
    assert len(potentials) > len(cluster._there)  # those of earlier passes are let go of


def test_what_a_cluster_still_computes_is_cancelled_with_the_rest(monkeypatch):
    client, waiting = Client(monkeypatch), []
    is_asked = threading.Event()

    def submit(*_, **__):
        waiting.append(Unanswered())
        is_asked.set()
        return waiting[-1]

    client.submit = submit
    modality = make_modality("RNA", n=60, labels=tuple("AB"))

    def part(which):
        if which:
            return fit_propensity(modality, LINEAR)
        is_asked.wait()
        raise Cancelled

    with computing_on(Cluster(client, "here:1")), pytest.raises(Cancelled):
        side_by_side(part, [0, 1])
    assert waiting
    assert all(each.is_cancelled for each in waiting)


def test_parts_of_parts_are_chosen_there_as_they_are_here(modality, monkeypatch):
    client = Client(monkeypatch)
    cluster = Cluster(client, "here:1")
    rng = np.random.default_rng(0)
    rows, columns, again = rng.permutation(150)[:40], rng.random(12) < 0.5, np.arange(39, -1, -1)
    with computing_on(cluster):
        part = part_of(part_of(modality.X, rows=rows, columns=columns), rows=again)
        there = cluster.compute(lambda X: X, (part,), (), None)
    np.testing.assert_array_equal(np.asarray(dense(there)), np.asarray(dense(modality.X))[rows][:, columns][again])
    assert type(there) is type(modality.X)
    assert sum(type(each) is type(modality.X) and each.ndim == 2 for each in client.travelled) == 1


def dense(X):
    return X if isinstance(X, np.ndarray) else X.toarray()


def test_a_matrix_is_known_by_its_content():
    X = np.arange(12.0).reshape(3, 4)
    stored = sparse.csr_matrix(X)
    shifted = ShiftedRows(stored.astype(np.float32), np.zeros(4, dtype=np.float32))
    others = [X.reshape(4, 3), X.astype(np.float32), np.asfortranarray(X), X + 1, stored, stored * 2, shifted]
    names = [content_of(each) for each in (X, *others)]
    assert len(set(names)) == len(names)
    assert content_of(X.copy()) == names[0]
    assert content_of(stored.copy()) == content_of(stored)


def test_an_error_comes_back_from_another_process_with_its_hint():
    class SpecialError(PsmatchError):
        def __init__(self):
            super().__init__("A problem.", hint="Do this.", code="PM-L15")

    for error in (PsmatchError("A problem.", hint="Do this.", code="PM-L15"), SpecialError()):
        again = copy(error)  # asks the error for the same as a process that sends it
        assert (type(again), str(again), again.hint, again.code) == (type(error), str(error), "Do this.", "PM-L15")
