"""Kinds of files that are no table at all, or in another wrapping."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import tarfile

from tests.data.kinds.drawn_table import BINARY, H5AD, draw_table
from tests.data.kinds.kind import AGAIN, REJECT, Member, kind
from tests.data.kinds.members import ENDINGS, file_of, zip_of


@kind("F01 nothing in it", REJECT, ("empty", "0 bytes"), (*AGAIN, "re-download", "download"))
def nothing(rng, folder):
    bytes_and_names = [
        (b"", ENDINGS),
        (codecs.BOM_UTF8, (".csv", ".tsv")),
        (b" \n\n \n", (".csv", ".tsv", ".txt")),
        (gzip.compress(b""), (".csv.gz", ".tsv.gz")),
        (gzip.compress(b"\n\n"), (".csv.gz",)),
        (zip_of({}), (".npz",)),
        (b"\x00" * rng.choice([100, 5000]), (".h5ad", ".csv")),
    ]
    return file_of(rng, folder, *rng.choice(bytes_and_names))


@kind("F02 cut off", REJECT, ("incomplete", "truncated", "cut off", "damaged"), (*AGAIN, "download"))
def cut_off(rng, folder):
    path = draw_table(rng).write(rng, folder, (*BINARY, "csv.gz", "tsv.gz"))
    data = path.read_bytes()
    path.write_bytes(
        data[: rng.choice([rng.randint(9, len(data) - 9), len(data) - rng.randint(1, 8), rng.randint(9, 90)])]
    )
    return Member((path,), "cell_type")


@kind("F05 a web page", REJECT, ("web page", "html"), ("download", "again", "sign in"))
def web_page(rng, folder):
    pages = [
        b"<!DOCTYPE html><html><body>Sign in</body></html>",
        b"\xef\xbb\xbf\n\n<html lang='en'>",
        b"<!-- saved -->\n<HTML><head></head>",
        b"<script>location='x'</script><html>",
        b"<head><title>404</title></head>",
        b"<!doctype HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'>\n<title>x</title>",
        b"<?xml version='1.0'?><!DOCTYPE html><html xmlns='http://www.w3.org/1999/xhtml'>",
        b"<div class='error'>Too many requests</div>",
        "<html>".encode("utf-16"),
    ]
    data = rng.choice(pages) + b" " * rng.choice([0, 5000])
    return file_of(rng, folder, gzip.compress(data) if rng.random() < 0.2 else data)


@kind("F06 no table but a message", REJECT, ("json", "pointer", "xml", "plain text", "only one column"))
def message(rng, folder):
    texts = [
        json.dumps({"error": "not found"}).encode(),
        b"[1, 2, 3]",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
        b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        b"404: Not Found",
        b"Error 503 Backend is unhealthy\n",
    ]
    return file_of(rng, folder, rng.choice(texts), (".h5ad", ".csv", ".tsv"))


@kind("F07 the name of another format", REJECT, ("hdf5", "h5ad", "npz", "text", "csv"), ("rename", "name", "unpack"))
def other_name(rng, folder):
    formats, endings = rng.choice(
        [
            (H5AD, (".csv", ".tsv", ".txt", ".npz", ".csv.gz")),
            (("npz",), (".h5ad", ".csv", ".tsv")),
            (("csv",), (".h5ad", ".npz", ".h5")),
        ]
    )
    path = draw_table(rng).write(rng, folder, formats)
    return file_of(rng, folder, path.read_bytes(), endings)


@kind("F08 a spreadsheet", REJECT, ("excel", "xlsx", "spreadsheet"), ("csv", "export", "save as"))
def spreadsheet(rng, folder):
    sheets = [
        zip_of(
            {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b"<s/>"}
        ),
        zip_of({"xl/workbook.bin": b"x" * 500, "docProps/app.xml": b""}),
        zip_of({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<w/>" * 50})[:120],
        bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 1000,
        zip_of({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<c/>"}),
        b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="x">',
    ]
    return file_of(rng, folder, rng.choice(sheets), (*ENDINGS, ".xlsx", ".xls"))


@kind("F09 an R file", REJECT, ("rds", "seurat", " r "), ("convert", "export"))
def r_file(rng, folder):
    binary = b"X\n\x00\x00\x00\x03\x00\x04\x03\x00" + b"\x00" * 300
    files = [
        gzip.compress(binary),
        binary,
        gzip.compress(b"RDX3\n" + binary),
        b"RDX2\nX\n" + bytes(100),
        b"A\n3\n263168\n197888\n5\nUTF-8\n531\n",
        gzip.compress(b"A\n3\n263168\n197888\n5\nUTF-8\n531\n"),
        b"RDA3\nA\n3\n263168\n",
        b"B\n\x03\x00\x00\x00" + bytes(200),
    ]
    return file_of(rng, folder, rng.choice(files), (".h5ad", ".rds", ".csv", ".RData", ".csv.gz"))


@kind("F10 an archive", REJECT, ("archive", "compressed"), ("unpack", "save"))
def archive(rng, folder):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=rng.choice(["w", "w:gz"])) as tar:
        tar.addfile(tarfile.TarInfo("data.h5ad"), io.BytesIO())
    files = [
        out.getvalue(),
        bz2.compress(b"a,b\n1,2\n" * 50),
        lzma.compress(b"a,b\n1,2\n"),
        b"\x28\xb5\x2f\xfd" + bytes(50),
        b"7z\xbc\xaf\x27\x1c" + bytes(60),
        b"Rar!\x1a\x07\x00" + bytes(60),
        b"\x04\x22\x4d\x18" + bytes(60),
        zip_of({"slides.pptx": b"a,b\n1,2\n"}),
    ]
    return file_of(rng, folder, rng.choice(files))


@kind(
    "F12 a format that is not read",
    REJECT,
    ("format", "pdf", "image", "matlab", "database", "matrix market", "unknown", "binary"),
)
def unread(rng, folder):
    starts = [b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"MATLAB 5.0 MAT-file", b"SQLite format 3\x00"]
    starts += [b"\x80\x04\x95", b"II*\x00"]
    files = [*(each + bytes(99) for each in starts), rng.randbytes(500), b"%%MatrixMarket matrix coordinate\n1 1 1\n"]
    return file_of(rng, folder, rng.choice(files))
