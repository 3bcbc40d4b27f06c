"""The table of a run's files: each is declared once, nothing else lies in a run, and a foreign file is explained."""

import json
import os
import tarfile

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace import files
from psmatch_core.workspace.files import Inputs, InputSummary, NamedSelection, RunFile
from psmatch_core.workspace.run_folder import RunFolder
from tests.workspace.test_older_version import ARCHIVE

FILES = {name: each for name, each in vars(files).items() if isinstance(each, RunFile)}
NAMES = [each.name.format(which) for each in FILES.values() for which in each.which]
OF_THE_FOLDER = {"recipe.json", "job.json", "status.json", "events.jsonl"}
NO_LONGER_READ = {"feature_r2.json"}  # of version 0.1.0: R² over pooled labels
INPUTS = Inputs(*(InputSummary(name, 3, 2, 1, 0, "f") for name in ("RNA", "ADT")))


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def test_each_file_is_declared_once():
    assert sorted(NAMES) == sorted(set(NAMES))


def test_nothing_lies_in_a_run_but_what_is_declared():
    """All jobs of a workspace write what the table says, and where it says so."""
    with tarfile.open(ARCHIVE) as archive:
        found = {os.path.basename(each) for each in archive.getnames() if "/exports/" not in each and "/" in each}
    assert found - OF_THE_FOLDER - NO_LONGER_READ <= set(NAMES)
    assert "coupling.npz" in found


def test_what_is_not_there_is_none(folder):
    assert not files.INPUTS.is_in(folder)
    assert files.INPUTS.read(folder) is None
    assert files.PREDICTED.read(folder, which="target_to_source") is None
    assert files.PROPENSITY.times(folder) == ()


def test_records_tables_and_matrices_come_back(folder):
    files.INPUTS.write(folder, INPUTS)
    assert files.INPUTS.read(folder) == INPUTS
    chosen = {"first": NamedSelection("source", "the map", ("a", "b"))}
    files.SELECTIONS.write(folder, chosen)
    assert files.SELECTIONS.read(folder) == chosen
    table = pd.DataFrame({"cell": ["a"], "label": ["A"], "rank": [0.5]})
    files.EVALUATION_CELLS.write(folder, table)
    assert files.EVALUATION_CELLS.read(folder).equals(table)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    files.PREDICTED.write(folder, values, which="target_to_source")
    found = files.PREDICTED.read(folder, which="target_to_source")
    assert np.array_equal(found, values)
    assert found.flags.f_contiguous  # a page reads one feature of all cells without the others
    assert files.PREDICTED.is_in(folder, "target_to_source")
    assert not files.PREDICTED.is_in(folder)  # the other direction is missing


def test_a_file_of_another_version_says_what_it_lacks(folder):
    files.INPUTS.path(folder).write_text(json.dumps({"source": {"name": "RNA"}}), encoding="utf-8")
    with pytest.raises(PsmatchError, match=r"inputs\.json was written by another version .*it lacks 'n_cells'"):
        files.INPUTS.read(folder)
    files.EVALUATION_LABELS.write(folder, pd.DataFrame({"name": ["A"]}))
    with pytest.raises(PsmatchError, match=r"evaluation_labels\.parquet was written by another version .*'label'"):
        files.EVALUATION_LABELS.read(folder)


def test_a_damaged_file_is_refused(folder):
    for each in (files.NOTES, files.MONITOR_REPORT, files.DISTRIBUTIONS):
        each.path(folder).write_text("{", encoding="utf-8")
        with pytest.raises(PsmatchError, match="damaged"):
            each.read(folder)


def test_what_refers_to_a_changed_file_is_read_anew(folder):
    """A coupling is read between its models, so a cache looks at the times of their files too."""
    for each, side in ((files.PROPENSITY, "source"), (files.PROPENSITY, "target"), (files.COUPLING, "")):
        each.path(folder, side).write_bytes(b"")
    before = files.COUPLING.times(folder)
    os.utime(files.PROPENSITY.path(folder, "source"), ns=(1, 1))
    after = files.COUPLING.times(folder)
    assert before != after
    assert len(before) == len(after) == 3
