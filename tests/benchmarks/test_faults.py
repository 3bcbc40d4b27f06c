"""The fault suite in short: nothing is lost, partial, stuck, left behind or not told; and a planted fault is found."""

import os
from contextlib import contextmanager

import pytest

from benchmarks.faults import ROWS, bench_of, run_row
from psmatch_core.base import disk
from psmatch_core.workspace import manifest, processes, store as store_module

SHORT = {
    "worker killed (SIGKILL)": 1, "cancelled": 1, "machine restarted": 1, "disk full at any call": 6,
    "disk error at any call": 6, "killed at any call": 6, "file of a run harmed": 40, "list of runs harmed": 5,
}  # fmt: skip
pytestmark = pytest.mark.skipif(not processes.PROC.is_dir(), reason="reads /proc, as on Linux")


@pytest.fixture(scope="module")
def bench():
    start_process = store_module.start_process
    with bench_of(1) as made:
        yield made
    store_module.start_process = start_process


@pytest.mark.parametrize("name", SHORT)
def test_a_fault_costs_nothing(bench, name):
    row = run_row(bench, name, SHORT[name])
    assert (row.n, row.n_bad) == (SHORT[name], 0), row


def test_the_short_form_is_a_part_of_the_suite():
    assert SHORT.keys() <= ROWS.keys()


def test_writing_in_place_is_found(bench, monkeypatch):
    @contextmanager
    def in_place(path, partial=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(b"half")
            stream.flush()
            os.fsync(stream.fileno())
        yield path

    monkeypatch.setattr(disk, "replacing", in_place)
    assert run_row(bench, "killed at any call", 8).n_bad > 0


def test_a_file_that_is_not_checked_is_found(bench, monkeypatch):
    monkeypatch.setattr(manifest, "_damage", lambda path, facts: "")
    monkeypatch.setattr(manifest, "damage_in", lambda folder: None)
    assert run_row(bench, "file of a run harmed", 40).silent > 0
