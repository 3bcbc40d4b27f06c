"""Signatures: the format of a file according to its first bytes, whatever its name."""

from __future__ import annotations

import codecs
import gzip
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
HEAD_BYTES = 4096
# What names tell of folders and archives.
MTX_FOLDER, MTX_ZIP, FOLDER = "mtx folder", "mtx zip", "folder"
ZARR_FOLDER, ZARR = "zarr folder", "zarr"  # a folder, and a zip archive of it
MATRIX_NAME = re.compile(r"(?:.*/)?([^/]*?)(count_matrix|matrix|DGE|quants_mat|cells_x_genes(?:\.[a-z]+)?)\.mtx(\.gz)?")
DEEPEST = 4  # folders below the one that is given in which a matrix is looked for, as in the outs of cellranger multi
MARKED_BYTES = 512  # characters whose zero bytes tell UTF-16 without a mark
MOST_ZEROS = 0.7  # the share of zeros in every second byte of a text of mostly Latin letters
_HTML = (b"<html", b"<!doctype html", b"<head", b"<body", b"<script", b"<title", b"<div")
_GZIP_MAGIC = b"\x1f\x8b"
# First bytes → format, in the order of the tests.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"RDX", "rds"),
    (b"RDA", "rds"),
    (b"X\n\x00\x00\x00", "rds"),
    (b"A\n2\n", "rds"),
    (b"A\n3\n", "rds"),
    (b"B\n\x02\x00\x00\x00", "rds"),
    (b"B\n\x03\x00\x00\x00", "rds"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"FEA1", "arrow"),
    (b"%PDF", "pdf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    *((each, "image") for each in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")),  # TIFF and BigTIFF
    (b"ZISRAWFILE", "microscope"),
    (b"\xda\xce\xbe\x0a", "microscope"),  # nd2
    (b"p\x00\x00\x00", "microscope"),  # lif
    (b"\x00\x00\x00\x0cjP  ", "image"),
    (b"ORC", "columns"),
    (b"Obj\x01", "columns"),
    (b"\x0b\x0e\x0a", "rds"),  # qs and qs2
    (b"$FL2@(#)", "statistics"),
    (b"$FL3@(#)", "statistics"),
    (b"<stata_dta>", "statistics"),
    (b"!Checksum\t", "adat"),
    (b"^SERIES", "soft"),
    (b"^DATABASE", "soft"),
    (b"!Series_title", "soft"),
    (b"\x93NUMPY", "npy"),
    (b"SQLite format 3", "sqlite"),
    (b"MATLAB 5.0", "matlab"),
    (b"version https://git-lfs", "git-lfs"),
    (b"%%MatrixMarket", "mtx"),
    (b"FCS2.0", "fcs"),
    (b"FCS3.", "fcs"),
    (b"#1.2", "gct"),
    (b"#1.3", "gct"),
    (b"BAM\x01", "reads"),
    (b"CRAM", "reads"),
    (b"@HD\tVN", "reads"),
    (b"##fileformat=VCF", "reads"),
    *((bytes((0x80, version)), "pickle") for version in (2, 3, 4, 5)),
)
LONGEST_HEADER = 100_000_000  # bytes that safetensors allow
_FASTQ = re.compile(rb"@[^\n]*\n[ACGTNacgtn]{10,}\r?\n\+")


@dataclass(frozen=True)
class Signature:
    """The format of a file according to its first bytes.

    Parameters
    ----------
    content
        ``empty``, ``hdf5``, ``text``, ``html``, ``xlsx``, ``rds``, ``zip`` …, or ``unknown``.
    is_gzipped
        Whether the content is compressed with gzip.
    head
        The first bytes of the content, decompressed.
    """

    content: str
    is_gzipped: bool
    head: bytes


def read_signature(path: Path) -> Signature:
    """The signature of the file at ``path``, or of a folder by the names of its files."""
    if path.is_dir():
        return Signature(_folder_content(path), False, b"")
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return Signature("empty", False, b"")
    if head.startswith(_GZIP_MAGIC):
        inner = _unpacked_head(path)
        content = _content(path, inner, is_gzipped=True) if inner else _gzip_of_nothing(path)
        return Signature(content, True, inner)
    return Signature(_content(path, head, is_gzipped=False), False, head)


def _unpacked_head(path: Path) -> bytes:
    data = b""
    try:
        with gzip.open(path, "rb") as file:
            while len(data) < HEAD_BYTES and (more := file.read1(HEAD_BYTES - len(data))):
                data += more
    except (OSError, EOFError, zlib.error):
        pass  # the part that could be decompressed shows the format; the reader reports the damage
    return data


def _gzip_of_nothing(path: Path) -> str:
    """``blank`` if the file is complete and holds nothing, else ``gzip``: nothing of it could be decompressed."""
    try:
        with gzip.open(path, "rb") as file:
            return "gzip" if file.read(1) else "blank"
    except (OSError, EOFError, zlib.error):
        return "gzip"


def is_data_folder(path: Path) -> bool:
    """Whether a path is a folder that is read as one data set."""
    return path.is_dir() and _folder_content(path) != FOLDER


def _folder_content(folder: Path) -> str:
    names = (".zgroup", ".zmetadata", ".zattrs", "zarr.json")
    if any((place / name).is_file() for place in (folder, *folder.glob("*.zarr")) for name in names):
        return ZARR_FOLDER
    for depth in range(DEEPEST + 1):
        if any(MATRIX_NAME.fullmatch(each.name) for each in folder.glob("/".join(["*"] * depth + ["*.mtx*"]))):
            return MTX_FOLDER
    return FOLDER


def text_encoding(head: bytes) -> str:
    """The encoding of a text by its mark or, without one, by where its zero bytes are; UTF-8 if it has none."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = [head[at : 2 * MARKED_BYTES : 2].count(0) / max(1, len(head[at : 2 * MARKED_BYTES : 2])) for at in (0, 1)]
    if max(zeros) > MOST_ZEROS and min(zeros) < 1 - MOST_ZEROS:
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    return "utf-8-sig"


def _content(path: Path, head: bytes, *, is_gzipped: bool) -> str:
    if head.startswith(b"MATLAB 7.3"):  # HDF5 behind a text of its own
        return "matlab"
    # HDF5 allows a user block of 512, 1024 … bytes before its signature; h5mu has one
    if any(head.startswith(HDF5_MAGIC, offset) for offset in (0, 512, 1024, 2048)):
        return "hdf5"
    for magic, content in _MAGIC:
        if head.startswith(magic):
            return _zip_content(path) if content == "zip" and not is_gzipped else content
    if head[257:262] == b"ustar":
        return "tar"
    if not head.strip(b"\x00"):
        return "blank"
    if head[8:10] in (b'{"', b"{}") and int.from_bytes(head[:8], "little") < LONGEST_HEADER:
        return "safetensors"
    if _FASTQ.match(head):
        return "reads"
    encoding = text_encoding(head)
    wide = encoding != "utf-8-sig"
    text = head.decode(encoding, "ignore").encode() if wide else head.removeprefix(codecs.BOM_UTF8)
    start = text.lstrip()[:1024].lower()
    if start.startswith(b"<"):
        if b'progid="excel' in start or b"<workbook" in start:
            return "xls"
        if any(tag in start for tag in _HTML):
            return "html"
        if start.startswith((b"<?xml", b"<error")):
            return "xml"
    if not wide and b"\x00" in head:
        return "unknown"
    if start.startswith((b"{", b"[")):
        return "json"
    return "text"


def _zip_content(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()[:10_000]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        # the first bytes of a truncated spreadsheet still name its parts
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
        return "xlsx" if b"[Content_Types].xml" in head or b"xl/" in head else "cut zip"
    if not names:
        return "blank"
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return "torch"
    if any(name.startswith(("word/", "ppt/")) for name in names):
        return "document"
    if any(name.startswith("xl/") or name == "[Content_Types].xml" for name in names):
        return "xlsx"
    if any(name.endswith((".zgroup", ".zattrs", ".zarray", "zarr.json")) for name in names):
        return ZARR
    if any(MATRIX_NAME.fullmatch(name) for name in names):
        return MTX_ZIP
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return "ods" if "mimetype" in names and "content.xml" in names else "zip"
