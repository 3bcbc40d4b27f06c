"""The format of a file according to its content, whatever its name, and the message for each other format."""

import gzip
import io
import zipfile

import numpy as np
import pytest

from psmatch_core.data.readers import shown_name
from tests.data.readers.made_files import refusal, write


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def arrays():
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    return buffer.getvalue()


FOREIGN = {
    "empty": (b"", "is empty (0 bytes)"),
    "PyTorch": (zipped("emb/data.pkl", "emb/version"), "is a PyTorch file"),
    "safetensors": ((40).to_bytes(8, "little") + b'{"X":{"dtype":"F32"}}' + bytes(9), "is a safetensors file"),
    "BigTIFF": (b"II+\x00" + bytes(40), "is an image"),
    "czi": (b"ZISRAWFILE" + bytes(40), "is a file of a microscope"),
    "nd2": (b"\xda\xce\xbe\x0a" + bytes(40), "is a file of a microscope"),
    "MATLAB 7.3": (b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(40), "is a MATLAB file"),
    "ADAT": (b"!Checksum\tabc\n^HEADER\n!Version\t1.2\n", "is an ADAT file"),
    "SPSS": (b"$FL2@(#) SPSS DATA FILE" + bytes(9), "is a file of SPSS or Stata"),
    "Stata": (b"<stata_dta><header>", "is a file of SPSS or Stata"),
    "GEO series": (b"^DATABASE = GeoMiame\n", "is a description of a series of GEO"),
    "qs of R": (b"\x0b\x0e\x0a\x0c" + bytes(40), "is an R file"),
    "ORC": (b"ORC" + bytes(40), "is an ORC or Avro table"),
    "web page": (b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", "is a web page (HTML)"),
    "server error": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "error message of a server"),
    "xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), "is an Excel file (xlsx)"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "is an Excel file (xls)"),
    "rds": (gzip.compress(b"X\n\x00\x00\x00\x03" + bytes(50)), "is an R file (RDS, as Seurat writes)"),
    "npz": (arrays(), "is not what its name says: its content is npz"),
    "zip": (zipped("counts.doc"), "is a zip archive without a table"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "only a pointer to the file"),
    "pdf": (b"%PDF-1.7 ...", "is a PDF document"),
    "document": (zipped("[Content_Types].xml", "word/document.xml"), "is a text document or a presentation"),
    "fcs": (b"FCS3.1         256    1545" + b" " * 200, "is an FCS file of a cytometer"),
    "old fcs": (b"FCS2.0         256    1545" + b" " * 200, "is an FCS file of a cytometer"),
    "gct": (b"#1.2\n3\t2\nNAME\tDescription\tS1\tS2\nMYC\tna\t1\t2\n", "is a GCT file, with features in rows"),
    "fastq": (gzip.compress(b"@A00:1:1\nACGTNACGTACGT\n+\nFFFFFFFFFFFFF\n"), "holds reads or variants of a sequencer"),
    "bam": (gzip.compress(b"BAM\x01" + bytes(50)), "holds reads or variants of a sequencer"),
    "vcf": (b"##fileformat=VCFv4.2\n#CHROM\tPOS\n", "holds reads or variants of a sequencer"),
    "pickle": (b"\x80\x04\x95" + bytes(50), "is a Python pickle, which could run code"),
    "packed pickle": (gzip.compress(b"\x80\x05\x95" + bytes(50)), "is a Python pickle, which could run code"),
    "noise": (bytes(range(256)), "has an unknown format"),
    "gzip of nothing": (gzip.compress(b"")[:12], "its gzip content cannot be decompressed"),
}


@pytest.mark.parametrize("ending", ["h5ad", "csv"])
@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_file_is_refused_by_what_it_is(tmp_path, case, ending):
    content, words = FOREIGN[case]
    path = tmp_path / f"counts.{ending}"
    path.write_bytes(content)
    assert words in refusal(path)


def test_h5ad_with_another_name_is_refused_with_the_right_one(tmp_path):
    assert "Rename it so that it ends in .h5ad" in refusal(write(tmp_path, name="counts.csv"))
    packed = tmp_path / "counts.h5ad.gz"
    packed.write_bytes(gzip.compress(write(tmp_path).read_bytes()))
    assert "Unpack it first" in refusal(packed)


def test_missing_file_and_folder_are_refused(tmp_path):
    assert "was not found" in refusal(tmp_path / "none.h5ad")
    assert "is a folder, not a file" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../../../tmp/evil.h5ad", "evil.h5ad"),
        ("C:\\Users\\me\\data.h5ad", "data.h5ad"),
        ("x\u202eda5h.exe.h5ad", "xda5h.exe.h5ad"),
        ("a\nb\x1b[31m.csv", "ab[31m.csv"),
        ("a" * 300 + ".h5ad", "a" * 27 + "…" + "a" * 7 + ".h5ad"),
        ("", "file"),
    ],
)
def test_names_are_shown_without_path_control_characters_or_length(name, shown):
    assert shown_name(name) == shown
