"""Kinds of files whose bytes, layout or format are wrong."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path
from random import Random

import h5py
import numpy as np
from scipy import sparse

from tests.data.kinds.drawn_table import BINARY, H5AD, draw_table, write_lines
from tests.data.kinds.kind import ACCEPT, AGAIN, REJECT, WARN, Member, kind

ENDINGS = (".h5ad", ".csv", ".tsv", ".csv.gz", ".npz", ".txt")


def file_of(rng: Random, folder: Path, data: bytes, endings=ENDINGS) -> Member:
    path = folder / f"{rng.choice(['a', 'my data', 'x.y'])}{rng.choice(endings)}"
    path.write_bytes(data)
    return Member((path,), "cell_type")


def text_member(rng, folder, change, endings=("csv", "csv.gz"), encoding="utf-8") -> Member:
    """A csv whose lines of fields ``change`` edits."""
    table = draw_table(rng)
    rows = [line.split(",") for line in table.lines(",")]
    rows = change(rows) or rows
    path = write_lines(folder / f"t.{rng.choice(endings)}", [",".join(row) for row in rows], rng, encoding)
    return Member((path,), table.key)


@kind("F01 nothing in it", REJECT, ("empty", "0 bytes"), (*AGAIN, "re-download", "download"))
def nothing(rng, folder):
    bytes_and_names = [
        (b"", ENDINGS),
        (codecs.BOM_UTF8, (".csv", ".tsv")),
        (b" \n\n \n", (".csv", ".tsv", ".txt")),
        (gzip.compress(b""), (".csv.gz", ".tsv.gz")),
        (gzip.compress(b"\n\n"), (".csv.gz",)),
        (_zip({}), (".npz",)),
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
        _zip(
            {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b"<s/>"}
        ),
        _zip({"xl/workbook.bin": b"x" * 500, "docProps/app.xml": b""}),
        _zip({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<w/>" * 50})[:120],
        bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 1000,
        _zip({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<c/>"}),
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
        _zip({"data.csv": b"a,b\n1,2\n"}),
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


@kind("F11 a damaged parquet or feather table", REJECT, ("damaged",), AGAIN)
def damaged_columns(rng, folder):
    return file_of(rng, folder, rng.choice([b"PAR1", b"ARROW1\0\0"]) + rng.randbytes(rng.randint(4, 400)))


@kind("F14 another separator", WARN, ("tab", "semicolon", "comma", "separated"))
def other_separator(rng, folder):
    table = draw_table(rng)
    separator, ending = rng.choice(
        [("\t", "csv"), (";", "csv"), (",", "tsv"), (";", "tsv"), ("\t", "csv.gz"), ("|", "csv")]
    )
    return Member((write_lines(folder / f"t.{ending}", table.lines(separator), rng),), table.key)


@kind("F16 decimal commas", WARN, ("decimal", "comma"))
def decimal_commas(rng, folder):
    table = draw_table(rng)
    table = table.changed(X=table.X + 0.25)
    separator, ending = rng.choice([("\t", "tsv"), (";", "csv"), ("\t", "txt"), (";", "csv.gz")])
    lines = table.lines("\x00")
    lines = [
        lines[0].replace("\x00", separator),
        *(each.replace(".", ",").replace("\x00", separator) for each in lines[1:]),
    ]
    return Member((write_lines(folder / f"t.{ending}", lines, rng),), table.key)


@kind("F16b numbers with marks", REJECT, ("comma", "not a number", "numbers"))
def marked_numbers(rng, folder):
    mark = rng.choice(
        [
            lambda t: f'"1,{t:0>3}"',
            lambda t: f"1 {t:0>3}",
            lambda t: f"1'{t:0>3}",
            lambda t: f'"{t},5"',
            lambda t: f'"1.{t:0>3},5"',
        ]
    )

    def change(rows):
        at = rng.randrange(-5, -1)
        for row in rows[1:]:
            row[at] = mark(str(int(float(row[at]))))

    return text_member(rng, folder, change)


@kind("F26b numbers with a sign", WARN, ("numbers with", "sign"), ("annotation",))
def signed_numbers(rng, folder):
    mark = rng.choice(["{}%", "${}", "{} €", "{}.5 %"])

    def change(rows):
        at = rng.randrange(-5, -1)
        for row in rows[1:]:
            row[at] = mark.format(int(float(row[at])))

    return text_member(rng, folder, change)


@kind("F24 genes turned into dates", WARN, ("date",), ("gene", "feature"))
def dated_genes(rng, folder):
    def change(rows):
        rows[0][-1] = rng.choice(["1-Sep", "2-Mar", "1-Dec", "Sep-01", "14-Sep"])

    return text_member(rng, folder, change)


@kind("F18 another encoding of unicode", WARN, ("utf-16", "utf-32", "unicode text", "encoding"))
def utf16(rng, folder):
    table = draw_table(rng)
    encoding = rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    return Member(
        (write_lines(folder / f"t.{rng.choice(['csv', 'csv.gz'])}", table.lines(","), rng, encoding),), table.key
    )


@kind("F33 not utf-8", WARN, ("encoding", "utf-8", "characters"))
def not_utf8(rng, folder):
    table = draw_table(rng)
    labels = ["naïve", "müde"]
    table = table.with_labels([labels[i % 2] for i in range(len(table.cells))])
    encoding = rng.choice(["latin-1", "cp1252", "mac-roman"])
    return Member(
        (write_lines(folder / f"t.{rng.choice(['csv', 'csv.gz'])}", table.lines(","), rng, encoding),), table.key
    )


@kind("F21 rows of different lengths", REJECT, ("line",), ("field", "column"))
def uneven(rng, folder):
    def change(rows):
        row = rows[rng.randrange(2, len(rows))]
        if rng.random() < 0.5:
            del row[-rng.randint(1, 3) :]
        else:
            row += ["7"] * rng.randint(1, 3)

    return text_member(rng, folder, change)


@kind("F22 a quotation mark that is not closed", REJECT, ("quote", "quotation"), ("line", "row"))
def open_quote(rng, folder):
    def change(rows):
        row = rows[rng.randrange(1, len(rows))]
        at = rng.choice([0, 1, len(row) - 1])
        row[at] = '"' + row[at]

    return text_member(rng, folder, change)


@kind("F22b two quotation marks that swallow rows", REJECT, ("quote", "quotation"), ("line", "row"))
def swallowed(rng, folder):
    def change(rows):
        at = rng.choice([0, 1])
        first = rng.randrange(1, len(rows) - 6)
        last = first + rng.randint(1, 5)
        rows[first][at] = '"' + rows[first][at]
        rows[last][at] += '"'

    return text_member(rng, folder, change)


@kind(
    "F26 entries that are no numbers",
    REJECT,
    ("not a number", "non-numeric", "text", "empty field", "missing", "infinite"),
    ("column", "row", "line", "cell"),
)
def bad_entries(rng, folder):
    entry = rng.choice(["", "NA", "#DIV/0!", "nan", "-", "n.d.", "#VALUE!", "inf", "None", "?", "<LOD", " "])

    def change(rows):
        at = rng.randrange(-5, 0)
        for i in rng.sample(range(1, len(rows)), rng.randint(1, 4)):
            rows[i][at] = entry

    return text_member(rng, folder, change)


@kind("F28 no header", WARN, ("header", "column names"))
def no_header(rng, folder):
    table = draw_table(rng)
    table = table.changed(columns={})
    lines = table.lines(",")[1:]
    return Member((write_lines(folder / f"t.{rng.choice(['csv', 'csv.gz'])}", lines, rng),), "")


@kind("F28b no header, with labels", WARN, ("header", "column names"))
def no_header_with_labels(rng, folder):
    table = draw_table(rng)
    lines = table.changed(columns={table.key: table.labels}).lines(",")[1:]
    return Member((write_lines(folder / "t.csv", lines, rng),), "")


@kind("F29 no cell names", WARN, ("barcode", "cell name", "first column"))
def no_names(rng, folder):
    table = draw_table(rng).changed(columns={})
    lines = [line.split(",", 1)[1] for line in table.lines(",")]
    return Member((write_lines(folder / f"t.{rng.choice(['csv', 'csv.gz'])}", lines, rng),), "")


@kind("F29b labels first, no cell names", WARN, ("no cell names",), ("cell_1", "numbered"))
def labels_first(rng, folder):
    table = draw_table(rng)
    table = table.changed(columns={table.key: table.labels})
    lines = [line.split(",", 1)[1] for line in table.lines(",")]
    return Member((write_lines(folder / "t.csv", lines, rng),), "")


@kind("F30 damaged inside gzip", REJECT, ("incomplete", "truncated", "damaged", "cut off"), (*AGAIN, "download"))
def damaged_gzip(rng, folder):
    path = draw_table(rng).write(rng, folder, ("csv.gz", "tsv.gz"))
    data = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        data[rng.randrange(12, len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data + (b"" if rng.random() < 0.7 else b"garbage"))
    return Member((path,), "")


@kind("F31 compressed or not, against its name", WARN, ("not compressed", "gzip", "plain"))
def gzip_name(rng, folder):
    table = draw_table(rng)
    path = table.write(rng, folder, ("csv", "tsv"))
    if rng.random() < 0.5:
        other = path.with_name(path.name + ".gz")
        other.write_bytes(path.read_bytes())
    else:
        other = path.with_name("packed." + path.suffix[1:])
        other.write_bytes(gzip.compress(path.read_bytes()))
    return Member((other,), table.key)


@kind("F34 lines before the header", WARN, ("comment", "#", "header", "skipped"))
def comments(rng, folder):
    def change(rows):
        extra = [["# made by x"], ["#", "#"], ["## a,b"], ["# date: 2024-01-01"], ["% matrix"], ["// export"]]
        return [*(rng.choice(extra) for _ in range(rng.randint(1, 3))), *rows]

    return text_member(rng, folder, change)


@kind("F34b a title before the header", REJECT, ("line 1", "header"))
def title(rng, folder):
    return text_member(
        rng, folder, lambda rows: [[rng.choice(["Experiment of May", "Table 1. Counts", "Exported 2024"])], *rows]
    )


@kind("F44 a table is missing", REJECT, ("var", "gene", "feature", "cell", "obs"), ("missing", "no ", "lacks"))
def missing_table(rng, folder):
    def change(file):
        place = rng.choice(["obs", "var", "obs/_index", "var/_index"])
        if place.endswith("_index"):
            table = file[place.split("/")[0]]
            del table[table.attrs["_index"]]
        else:
            del file[place]

    return h5_member(rng, folder, change)


@kind("F45 sizes that differ", REJECT, ("match", "differ", "rows", "cells", "size", "entries", "inconsistent"))
def sizes_differ(rng, folder):
    table = draw_table(rng)
    path = table.write(rng, folder, H5AD)
    n, p = table.X.shape
    with h5py.File(path, "a") as file:
        way = rng.choice(["rows", "columns", "obs", "var"])
        if way in ("rows", "columns"):
            shape = (n - rng.randint(1, 9), p) if way == "rows" else (n, p + rng.randint(1, 9))
            del file["X"]
            file["X"] = np.ones(shape, np.float32) * np.arange(shape[1])
        else:
            index = file[way].attrs["_index"]
            names = file[way][index][:-2]
            del file[way][index]
            file[way][index] = names
    return Member((path,), table.key)


@kind("F46 an unknown filter", REJECT, ("compress", "filter"), ("gzip", "save", "write"))
def unknown_filter(rng, folder):
    table = draw_table(rng)
    path = table.write(rng, folder, ("dense.h5ad",))
    codec = rng.choice([32001, 32004, 32008, 32015, 32026, 307, 400])
    with h5py.File(path, "a") as file:
        del file["X"]
        space = h5py.h5s.create_simple(table.X.shape)
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk(table.X.shape)
        made.set_filter(codec, h5py.h5z.FLAG_OPTIONAL, (0, 0, 0, 0))
        h5py.h5d.create(file.id, b"X", h5py.h5t.IEEE_F32LE, space, made)
    return Member((path,), table.key)


@kind("F49 a part of the values is missing", REJECT, ("incomplete", "missing", "lost"), (*AGAIN, "download"))
def chunk_lost(rng, folder):
    table = draw_table(rng)
    path = table.write(rng, folder, ("dense.h5ad",))
    with h5py.File(path, "a") as file:
        del file["X"]
        step = rng.randint(5, 20)
        made = file.create_dataset("X", shape=table.X.shape, dtype="f4", chunks=(step, table.X.shape[1]))
        made[: -(-len(table.X) // 2)] = table.X[: -(-len(table.X) // 2)]
    return Member((path,), table.key)


@kind("M19 no matrix", REJECT, ("no matrix", "x is empty", "no x"), ("layer", "obsm", "raw"))
def no_matrix(rng, folder):
    return h5_member(rng, folder, lambda file: file.__delitem__("X"))


@kind("M20 repeated or unsorted entries", WARN, ("repeated", "unsorted", "summed"))
def not_canonical(rng, folder):
    def change(file):
        X = file["X"]
        indices, indptr = X["indices"][...], X["indptr"][...]
        row = next(i for i in range(len(indptr) - 1) if indptr[i + 1] - indptr[i] > 2)
        at = indptr[row]
        if rng.random() < 0.5:
            indices[at], indices[at + 1] = indices[at + 1], indices[at]
        else:
            indices[at + 1] = indices[at]
        X["indices"][...] = indices

    return h5_member(rng, folder, change, ("csr.h5ad", "csc.h5ad"))


@kind(
    "M21 an inconsistent sparse matrix", REJECT, ("damaged", "inconsistent", "invalid"), ("sparse", "index", "matrix")
)
def broken_sparse(rng, folder):
    def change(file):
        X = file["X"]
        parts = {name: X[name][...] for name in ("data", "indices", "indptr")}
        at = rng.randrange(len(parts["indices"]))
        way = rng.choice(["far", "negative", "bound", "short", "float", "shape", "lost", "flat"])
        if way == "far":
            parts["indices"][at] = rng.choice([10**6, 2**31 - 1, 10**4])
        elif way == "negative":
            parts["indices"][at] = -rng.choice([1, 5, 2**31])
        elif way == "bound":
            parts["indptr"][rng.randrange(1, len(parts["indptr"]))] = rng.choice([10**6, -4, 0])
        elif way == "short":
            name = rng.choice(["data", "indices", "indptr"])
            parts[name] = parts[name][: -rng.randint(1, 5)]
        elif way == "float":
            parts["indices"] = parts["indices"].astype(float)
        elif way == "shape":
            X.attrs["shape"] = rng.choice([(-1, 5), "wide", (7,), (2, 3, 4)])
        elif way == "flat":
            parts["data"] = parts["data"].reshape(1, -1)
        for name, values in parts.items():
            del X[name]
            X[name] = values
        if way == "lost":
            del X[rng.choice(["data", "indices", "indptr"])]

    return h5_member(rng, folder, change, ("csr.h5ad", "csc.h5ad"))


@kind("M29 not two dimensions", REJECT, ("dimension", "shape", "3-d"))
def dimensions(rng, folder):
    table = draw_table(rng)
    n, p = table.X.shape
    shape = rng.choice([(n,), (n, p, 1), (n, 2, 3), (), (n, 2, 2, 2, 2)])
    if rng.random() < 0.7 or len(shape) in (0, 1, 3, 5):
        path = table.write(rng, folder, ("dense.h5ad",))
        with h5py.File(path, "a") as file:
            del file["X"]
            file["X"] = np.arange(int(np.prod(shape)), dtype="f4").reshape(shape)
    return Member((path,), table.key)


@kind("F50 a column that is broken", WARN, ("column",), ("left out", "missing", "damaged"))
def broken_column(rng, folder):
    table = draw_table(rng)
    table = table.changed(columns={**table.columns, "extra": [rng.choice("uvw") for _ in table.cells]})
    path = table.write(rng, folder, H5AD)
    with h5py.File(path, "a") as file:
        obs = file["obs"]
        way = rng.choice(["gone", "short", "codes", "group"])
        del obs["extra"]
        if way == "short":
            obs["extra"] = np.arange(5)
        elif way == "codes":
            made = obs.create_group("extra")
            made["codes"] = np.full(len(table.cells), 9)
            made["categories"] = np.array([b"u", b"v"])
        elif way == "group":
            obs.create_group("extra")["what"] = 3
    return Member((path,), table.key)


@kind("X03 points outside the file", REJECT, ("outside", "link", "external"))
def outside(rng, folder):
    def change(file):
        way = rng.choice(["external", "soft", "storage", "virtual", "deep"])
        name = rng.choice(["obs/extra", "layers/a", "uns/x", "obsm/y"])
        if way == "external":
            file[name] = h5py.ExternalLink("/etc/hostname", "/")
        elif way == "soft":
            file[name] = h5py.SoftLink("/obs")
        elif way == "storage":
            file.create_dataset(name, shape=(4,), dtype="u1", external=[("/etc/hostname", 0, 4)])
        elif way == "virtual":
            layout = h5py.VirtualLayout(shape=(4,), dtype="u1")
            layout[:] = h5py.VirtualSource("/etc/hostname", "x", shape=(4,))
            file.create_virtual_dataset(name, layout)
        else:
            file["uns/a/b/c"] = h5py.ExternalLink("other.h5", "/")

    return h5_member(rng, folder, change)


@kind("X05 loops and depth", REJECT, ("loop", "deep", "link", "levels"))
def loops(rng, folder):
    def change(file):
        if rng.random() < 0.5:
            file["uns/" + "/".join("d" * rng.randint(40, 300))] = 1
        else:
            file.require_group("uns/a")
            file["uns/a/b"] = file["uns"]

    return h5_member(rng, folder, change)


@kind(
    "X20 a size far beyond the file",
    REJECT,
    ("size", "large", "incomplete", "memory", "missing", "limit", "not match", "entries"),
)
def bomb(rng, folder):
    def change(file):
        place = rng.choice(["X", f"obs/{file['obs'].attrs['column-order'][0]}", "obs/_index", "var/_index"])
        if place in file:
            del file[place]
        shape = (10**9, 10**5) if place == "X" else (10**10,)
        file.create_dataset(
            place, shape=shape, dtype="f8", chunks=tuple(min(n, 1000) for n in shape), compression="gzip"
        )

    return h5_member(rng, folder, change, ("dense.h5ad",))


@kind("X11 python objects", REJECT, ("object", "code"))
def objects(rng, folder):
    table = draw_table(rng)
    path = folder / "o.npz"
    extra = np.array([{"a": 1}, print, "x"], dtype=object)
    np.savez(path, X=table.X, **{rng.choice(["labels", "cell_type", "obs_names", "anything"]): extra})
    return Member((path,), "cell_type")


def tenx(rng, folder, *, genomes=("GRCh38",)):
    """A 10x matrix in the layout of Cell Ranger 2 or 3."""
    table = draw_table(rng)
    X = np.round(np.abs(table.X) * 3)
    stored = sparse.csc_matrix(X.T.astype(np.int32))
    names, version = np.array(table.genes, "S"), rng.choice([2, 3])
    path = folder / rng.choice(["filtered_feature_bc_matrix.h5", "raw.h5", "sample.h5"])
    with h5py.File(path, "w") as file:
        for genome in genomes if version == 2 else ("matrix",):
            group = file.create_group(genome)
            group["barcodes"], group["shape"] = np.array(table.cells, "S"), np.array(stored.shape)
            group["data"], group["indices"], group["indptr"] = stored.data, stored.indices, stored.indptr
            for part in ("genes", "gene_names") if version == 2 else ("features/id", "features/name"):
                group[part] = names
            if version == 3:
                group["features/genome"] = np.array([genomes[i % len(genomes)] for i in range(len(names))], "S")
    return path


@kind("G12 a 10x matrix", ACCEPT)
def tenx_matrix(rng, folder):
    return Member((tenx(rng, folder),), "")


@kind("F36 a 10x file of two genomes", REJECT, ("genome",), ("hg19",))
def two_genomes(rng, folder):
    return Member((tenx(rng, folder, genomes=("hg19", rng.choice(["mm10", "GRCm38"]))),), "")


@kind("F37 a 10x matrix without a part", REJECT, ("10x", "cell ranger"), ("missing", "lacks", "incomplete"))
def tenx_without_part(rng, folder):
    path = tenx(rng, folder)
    with h5py.File(path, "a") as file:
        group = file[next(iter(file))]
        names = "features/name" if "features" in group else "gene_names"
        del group[rng.choice(["data", "indices", "indptr", "shape", names])]
    return Member((path,), "")


@kind(
    "F10x another layout in HDF5, or a part of one",
    REJECT,
    ("not an anndata", "without its matrix", "without names", "missing"),
    ("save", *AGAIN, "add"),
)
def other_layout(rng, folder):
    path = folder / f"m{rng.choice(['.h5', '.h5ad', '.loom', '.h5mu'])}"
    with h5py.File(path, "w") as file:
        way = rng.choice(["loom without names", "loom without a matrix", "h5mu", "other", "nothing"])
        if way.startswith("loom"):
            file.create_group("row_attrs"), file.create_group("col_attrs")
            if way.endswith("names"):
                file["matrix"] = np.ones((3, 3))
        elif way == "h5mu":
            file.create_group("mod/rna"), file.create_group("mod/prot")
        elif way == "other":
            file["data"] = np.ones((4, 4))
    return Member((path,), "")


def h5_member(rng, folder, change, formats=H5AD) -> Member:
    table = draw_table(rng)
    path = table.write(rng, folder, formats)
    with h5py.File(path, "a") as file:
        change(file)
    return Member((path,), table.key)


def _zip(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return out.getvalue()
