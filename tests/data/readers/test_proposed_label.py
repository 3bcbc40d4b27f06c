"""An inspection that takes the usual label column says what one of a chosen column says, in one pass."""

import threading
from dataclasses import replace

import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import count_labels
from psmatch_core.data.readers import DataSpec, column_summaries, inspect_file, inspection
from psmatch_core.data.readers.inspection import summarise
from tests.data.readers.made_files import COUNTS, good_adata, write
from tests.waiting import HANG

CODES = [f"{i % 3:02d}" for i in range(60)]  # texts that look like numbers


def table(path, **columns):
    frame = pd.DataFrame(COUNTS, columns=[f"GENE{i}" for i in range(COUNTS.shape[1])])
    for name, values in columns.items():
        frame.insert(0, name, values)
    frame.insert(0, "cell", [f"cell{i}" for i in range(60)])
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path


def files(folder):
    batch = [f"b{i % 2}" for i in range(60)]
    return {
        "h5ad": (write(folder, good_adata(phase=batch, ko=[f"k{i % 3}" for i in range(60)]), name="a.h5ad"), "ko"),
        "numbers": (write(folder, good_adata(phase=batch, label=[i % 3 for i in range(60)]), name="n.h5ad"), "label"),
        "csv": (table(folder / "a.csv", condition=CODES, batch=batch), "condition"),
        "parquet": (table(folder / "a.parquet", condition=CODES, batch=batch), "condition"),
        "wrong csv": (table(folder / "w.csv", gene=["x"] * 55 + ["y"] * 5), "gene"),
    }


def seen(spec, **asked):
    return summarise(spec, "it", memory_mb=1024, **asked)


@pytest.mark.parametrize("kind", ["h5ad", "numbers", "csv", "parquet", "wrong csv"])
def test_the_usual_column_is_inspected_as_if_it_were_chosen(tmp_path, kind):
    path, label = files(tmp_path)[kind]
    spec = DataSpec(path=str(path))
    found = seen(spec, label_names=())
    assert found.label_key == label
    assert found == seen(replace(spec, label_key=label))
    if kind in ("csv", "parquet"):
        assert set(found.column(label).counts) == {"00", "01", "02"}


def test_nothing_is_taken_unasked_or_where_one_is_chosen(tmp_path):
    path, _ = files(tmp_path)["h5ad"]
    spec = DataSpec(path=str(path))
    assert seen(spec).label_key == ""
    assert seen(replace(spec, label_key="phase"), label_names=["ko"]).label_key == "phase"
    assert seen(spec, label_names=["phase"]).label_key == "phase"


def test_the_child_process_takes_the_same(tmp_path):
    path, label = files(tmp_path)["csv"]
    found = inspect_file(DataSpec(path=str(path)), label_names=())
    assert found == inspect_file(DataSpec(path=str(path), label_key=label))


@pytest.mark.parametrize(("kind", "n_times"), [("h5ad", 1), ("numbers", 2), ("wrong csv", 2)])
def test_columns_are_counted_once_unless_the_file_is_opened_anew(tmp_path, monkeypatch, kind, n_times):
    counted = []

    def counting(column):
        counted.append(column.name)
        return count_labels(column)

    monkeypatch.setattr(column_summaries, "count_labels", counting)
    path, label = files(tmp_path)[kind]
    found = seen(DataSpec(path=str(path)), label_names=())
    n_columns = len(found.columns)
    assert len(counted) == (n_columns + 1 if n_times == 1 else 2 * n_columns)  # the label once more, as chosen
    assert len(set(counted)) <= n_columns
    assert found.label_key == label


def test_a_refused_file_is_refused_before_all_of_it_is_hashed(tmp_path, monkeypatch):
    waiting = threading.Event()
    monkeypatch.setattr(inspection, "file_hash", lambda path: waiting.wait(HANG) and "")
    path = tmp_path / "broken.h5ad"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    try:
        with pytest.raises(PsmatchError):
            seen(DataSpec(path=str(path)), label_names=())
    finally:
        waiting.set()
