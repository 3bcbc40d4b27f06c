"""Tables inside a zip archive: one is opened, several are offered, and junk, bombs and passwords change nothing."""

from __future__ import annotations

import io
import zipfile

import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import DataSpec, inspect_file
from psmatch_core.data.readers.formats import open_source
from tests.data.readers.made_files import look, readable, refusal, table as made_table

JUNK = {
    "__MACOSX/._counts.csv": b"\x00\x05\x16\x07",
    ".DS_Store": b"\x00\x00\x00\x01Bud1",
    "export/.ipynb_checkpoints/counts-checkpoint.csv": b"a,b\n1,2\n",
    "export/~$counts.csv": b"lock",
    "Thumbs.db": b"\xd0\xcf",
}


def zipped(folder, files, name="export.zip", **settings):
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **settings) as archive:
        for inside, content in files.items():
            archive.writestr(inside, content)
    return path


def table(folder, name="counts.csv", **settings):
    return made_table(folder, name, **settings).read_bytes()


def parquet(folder):
    frame = pd.read_csv(io.BytesIO(table(folder)), index_col=0)
    frame.to_parquet(folder / "t.parquet")
    return (folder / "t.parquet").read_bytes()


@pytest.mark.parametrize("inside", ["counts.csv", "GSE1/deep er/counts.csv", "µ/Zählung.csv"])
def test_one_table_is_opened_wherever_it_lies(tmp_path, inside):
    alone = look(made_table(tmp_path, "counts.csv"))
    found = look(zipped(tmp_path, {**JUNK, inside: table(tmp_path)}))
    assert (found.n_cells, found.n_features, found.columns) == (alone.n_cells, alone.n_features, alone.columns)
    assert found.name == f"export.zip/{inside.rpartition('/')[2]}"
    assert not found.parts
    assert "PM-F73" not in {each.code for each in found.findings}
    assert found.n_bytes == (tmp_path / "export.zip").stat().st_size


@pytest.mark.parametrize(
    ("inside", "made"),
    [
        ("a.tsv", lambda place: table(place, "a.tsv", separator="\t")),
        ("a.txt", lambda place: table(place, "a.txt", separator="\t")),
        ("a.parquet", parquet),
    ],
)
def test_other_tables_are_read_too(tmp_path, inside, made):
    found = look(zipped(tmp_path, {inside: made(tmp_path), "README.txt": b"How to cite: us."}))
    assert (found.n_cells, found.n_features) == (60, 20)


def test_of_several_one_is_chosen_by_name(tmp_path):
    files = {"adt/counts.csv": table(tmp_path, labels=False), "rna/counts.csv": table(tmp_path), "notes.pdf": b"%PDF"}
    path = zipped(tmp_path, files)
    found = look(path, label_key="")
    assert [each.name for each in found.parts] == ["adt/counts.csv", "rna/counts.csv"]
    assert found.needs_part
    assert "1 other file inside not read: notes.pdf" in str(found.findings)
    chosen = look(path, part="rna/counts.csv")
    assert chosen.column("cell_type") is not None
    with pytest.raises(PsmatchError, match="none is chosen"):
        look(path, label_key="", matrix="X")
    with pytest.raises(PsmatchError, match=r"no modality atac\.csv; it has"):
        look(path, label_key="", part="atac.csv")


def test_a_table_without_measurements_does_not_stand_in_the_way(tmp_path):
    labels = b"cell,label\n" + b"".join(b"cell%d,%s\n" % (at, b"AB"[at % 2 : at % 2 + 1]) for at in range(60))
    found = look(zipped(tmp_path, {"annotation.csv": labels, "counts.csv": table(tmp_path)}), label_key="")
    assert [each.name for each in found.parts] == ["counts.csv", "annotation.csv"]
    assert found.n_features == 20


def test_what_is_no_table_is_refused_by_what_it_is(tmp_path):
    assert "is a zip archive without a table (csv, tsv, parquet or feather): slides.pptx" in refusal(
        zipped(tmp_path, {"slides.pptx": b"x"})
    )
    assert "counts.csv is no table" in refusal(zipped(tmp_path, {"counts.csv": b"%PDF-1.7"}))
    assert "counts.csv is empty" in refusal(zipped(tmp_path, {"counts.csv": b""}))
    assert "without a table" in refusal(zipped(tmp_path, JUNK))


def test_a_bomb_a_password_and_a_path_outside_are_refused(tmp_path):
    bomb = zipped(tmp_path, {"counts.csv": bytes(400 * 2**20)})
    assert bomb.stat().st_size < 2**20
    assert "too large for the limit" in refusal(bomb)
    assert "unsafe path" in refusal(zipped(tmp_path, {"../../counts.csv": table(tmp_path)}))
    locked = zipped(tmp_path, {"counts.csv": table(tmp_path)}, "locked.zip")
    raw = bytearray(locked.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + at] |= 1  # the flag of encryption
    locked.write_bytes(raw)
    assert "is encrypted" in refusal(locked)


def test_a_table_that_is_larger_than_it_says_is_damaged(tmp_path):
    path = zipped(tmp_path, {"counts.csv": table(tmp_path)})
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02") + 24  # the declared size, in the directory
    raw[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(PsmatchError) as caught:
        inspect_file(DataSpec(path=str(path)))
    assert "damaged" in readable(caught.value)


def test_nothing_is_left_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    path = zipped(tmp_path, {"counts.csv": table(tmp_path)})
    source, name = open_source(path, path.name, text_columns=(), memory_mb=1024)
    assert name == "zip"
    assert source.whole("X").shape == (60, 20)
    source.close()
    refusal(zipped(tmp_path, {"counts.csv": b"%PDF-1.7"}))
    assert not list((tmp_path / "temporary").iterdir())
