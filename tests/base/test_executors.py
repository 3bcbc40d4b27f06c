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
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher, entropic_matcher
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


@pytest.mark.parametrize(
    ("versions", "problem"),
    [
        ({}, "has no workers"),
        ({"one": "0.0.1"}, "have 0.0.1, this is psmatch"),
        (ModuleNotFoundError("psmatch_core"), "have no psmatch, this is psmatch"),
    ],
)
def test_workers_that_cannot_do_the_work_are_told(versions, problem):
    with pytest.raises(PsmatchError, match=problem):
        executors._check_workers(Answers(versions), "host:1")


@pytest.fixture
def cluster(tmp_path):
    """A real scheduler and two workers as processes of their own: its address and the workers."""
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
        workers = [start("worker", "--nthreads", "1", "--no-nanny", "--name", name) for name in ("one", "two")]
        yield json.loads(place.read_text())["address"].replace("tcp://", executors.DASK), workers


@pytest.mark.slow
def test_a_run_on_two_workers_of_which_one_is_killed_is_the_run_here(cluster, monkeypatch):
    address, workers = cluster
    labels = tuple("ABCDEFGH")
    sides = make_modality("RNA", n=800, labels=labels), make_modality("ADT", n=640, n_features=5, seed=1, labels=labels)
    models = [fit_propensity(each, LinearClassifier(strength=0.1)) for each in sides]
    monkeypatch.setattr(entropic_matcher, "BATCHED_PAIRS", 0)  # every label is a task of its own
    alone = match(*models, SinkhornMatcher())
    from distributed import Client

    with Client(address.replace(executors.DASK, "tcp://"), set_as_default=False) as client:
        client.wait_for_workers(2)
    killed = []

    def kill_one(event):  # as soon as the first label is back
        if not killed:
            workers[0].kill()
            killed.append(event.message)

    with open_executor(address) as executor:
        there = match(*models, SinkhornMatcher(), executor=executor, progress=kill_one)
    assert killed
    assert workers[0].wait() != 0
    assert workers[1].poll() is None
    for label in labels:
        np.testing.assert_allclose(there[label].to_array(), alone[label].to_array(), rtol=1e-9, atol=1e-15)
    assert [each.outcome for each in there.statuses] == [each.outcome for each in alone.statuses]
