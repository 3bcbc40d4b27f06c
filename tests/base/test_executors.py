"""Executors: what is wrong with an address is said, and a cluster changes no answer, not even when a worker dies."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from psmatch_core.base import executors
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.executors import open_executor
from psmatch_core.classification.classifiers import RecommendedClassifier
from psmatch_core.classification.classifiers.mlp import MLPClassifier
from psmatch_core.matching.matchers import SinkhornMatcher, entropic_matcher
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from tests.conftest import make_modality
from tests.waiting import until

ROOT = Path(__file__).parents[2]


def test_no_address_means_the_cores_of_this_machine():
    with open_executor("") as executor:
        assert executor is None


@pytest.mark.parametrize("address", ["dask://", "dask://host", "tcp://host:1", "slurm"])
def test_an_address_of_another_kind_is_refused(address):
    with pytest.raises(PsmatchError, match="is no address of a cluster") as caught, open_executor(address):
        pass
    assert caught.value.hint == "Write it as dask://HOST:PORT."


def test_it_says_that_dask_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(PsmatchError, match="dask, which is not installed") as caught, open_executor("dask://host:1"):
        pass
    assert "psmatch[cluster]" in caught.value.hint


def test_it_says_that_no_scheduler_answers(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "CONNECT_SECONDS", 0.2)
    with (
        pytest.raises(PsmatchError, match=r"No dask scheduler answers at 127\.0\.0\.1:9"),
        open_executor("dask://127.0.0.1:9"),
    ):
        pass


class Answers:
    def __init__(self, versions):
        self.versions = versions

    def run(self, _):
        if isinstance(self.versions, Exception):
            raise self.versions
        return self.versions


HERE = executors.installed_versions()


@pytest.mark.parametrize(
    ("versions", "problem"),
    [
        ({}, "has no workers"),
        *(
            ({"one": HERE, "two": {**HERE, name: "0.0.1"}}, rf"another {name} \(0.0.1\) than this machine")
            for name in HERE
        ),
        ({"one": {name: each for name, each in HERE.items() if name != "numba"}}, r"another numba \(none\)"),
        (ModuleNotFoundError("psmatch_core"), r"another psmatch \(none, or an earlier one\)"),
        (Exception("Can't get attribute 'installed_versions'"), r"another psmatch \(none, or an earlier one\)"),
    ],
)
def test_workers_that_would_give_other_numbers_are_refused(versions, problem):
    with pytest.raises(PsmatchError, match=problem) as caught:
        executors._check_workers(Answers(versions), "host:1")
    assert caught.value.hint.startswith(("Start one: dask worker", "Install the same versions"))


def test_workers_with_the_same_versions_are_taken():
    assert set(HERE) >= {"psmatch", "Python", "numpy", "torch"}
    assert not any("+" in each for each in HERE.values())  # a torch with CUDA serves as well
    executors._check_workers(Answers({"one": HERE, "two": dict(HERE)}), "host:1")


@pytest.fixture
def cluster(tmp_path):
    """A real scheduler and three workers as processes of their own: its address and the workers."""
    pytest.importorskip("distributed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    place = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": tmp_path}
    dask = [sys.executable, "-m", "dask"]
    where = ["--scheduler-file", str(place), "--no-dashboard"]
    with ExitStack() as started:

        def start(*words):
            process = subprocess.Popen([*dask, *words, *where], **quiet)
            started.callback(process.wait)
            started.callback(process.kill)
            return process

        start("scheduler", "--host", "127.0.0.1", "--port", "0")
        until(lambda: place.exists() and place.read_text().rstrip().endswith("}"), "the scheduler has not started")
        workers = [start("worker", "--nthreads", "1", "--no-nanny", "--name", name) for name in ("one", "two", "three")]
        yield json.loads(place.read_text())["address"].replace("tcp://", executors.DASK), workers


@pytest.mark.slow
def test_a_run_of_whose_workers_one_dies_in_training_and_one_in_matching_is_the_run_here(cluster, monkeypatch):
    address, workers = cluster
    labels = tuple("ABCDEFGH")
    sides = make_modality("RNA", n=320, labels=labels), make_modality("ADT", n=260, n_features=5, seed=1, labels=labels)
    recipe = Recipe(
        classifier=RecommendedClassifier(n_networks=2, network=MLPClassifier(n_epochs=6)), matcher=SinkhornMatcher()
    )
    monkeypatch.setattr(entropic_matcher, "BATCHED_PAIRS", 0)  # every label is a task of its own
    here_reports, there_reports, killed = [], [], []
    here = run(recipe, *sides, progress=here_reports.append)
    from distributed import Client

    with Client(address.replace(executors.DASK, "tcp://"), set_as_default=False) as client:
        client.wait_for_workers(3)

    def kill(event):  # one as soon as a network has trained for an epoch, one as soon as a label is back
        there_reports.append(event)
        if not killed and "epoch" in event.values:
            killed.append(workers[0].kill())
        if len(killed) == 1 and event.stage == "match":
            killed.append(workers[1].kill())

    with open_executor(address) as executor:
        there = run(recipe, *sides, executor=executor, progress=kill)
    assert len(killed) == 2
    assert [each.poll() is None for each in workers] == [False, False, True]
    for mine, theirs in ((here.coupling.source, there.coupling.source), (here.coupling.target, there.coupling.target)):
        np.testing.assert_array_equal(mine.logits, theirs.logits)
        np.testing.assert_array_equal(mine.held_out_logits, theirs.held_out_logits)
        assert mine.curves == theirs.curves
    for label in labels:
        mine, theirs = (each.coupling[label].to_array() for each in (here, there))
        np.testing.assert_allclose(theirs, mine, rtol=1e-9, atol=1e-15)
    assert [each.outcome for each in there.coupling.statuses] == [each.outcome for each in here.coupling.statuses]
    mine, theirs = (each.monitor.figures.to_dict() for each in (here, there))
    for name, value in mine.items():  # the labels of the monitor were solved one by one here only
        assert theirs[name] == pytest.approx(value, rel=1e-3 if name.startswith("hidden") else 1e-9, nan_ok=True), name
    losses = [
        sorted(each.values["training_loss"] for each in reports if "training_loss" in each.values)
        for reports in (here_reports, there_reports)
    ]
    assert losses[0] == losses[1]
