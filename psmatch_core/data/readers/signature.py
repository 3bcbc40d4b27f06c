"""Signatures: the format of a file according to its first bytes, whatever its name."""

from __future__ import annotations

import codecs
import gzip
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
HEAD_BYTES = 4096
_GZIP_MAGIC = b"\x1f\x8b"
# First bytes → format, in the order of the tests.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"RDX", "rds"),
    (b"RDA", "rds"),
    (b"X\n\x00\x00\x00", "rds"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"FEA1", "arrow"),
    (b"%PDF", "pdf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"\x93NUMPY", "npy"),
    (b"SQLite format 3", "sqlite"),
    (b"MATLAB 5.0", "matlab"),
    (b"version https://git-lfs", "git-lfs"),
    (b"%%MatrixMarket", "mtx"),
)


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
    """The signature of the file at ``path``."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return Signature("empty", False, b"")
    if head.startswith(_GZIP_MAGIC):
        inner = _unpacked_head(path)
        return Signature(_content(path, inner, is_gzipped=True) if inner else "gzip", True, inner)
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


def _content(path: Path, head: bytes, *, is_gzipped: bool) -> str:
    # HDF5 allows a user block of 512, 1024 … bytes before its signature; h5mu has one
    if any(head.startswith(HDF5_MAGIC, offset) for offset in (0, 512, 1024, 2048)):
        return "hdf5"
    for magic, content in _MAGIC:
        if head.startswith(magic):
            return _zip_content(path) if content == "zip" and not is_gzipped else content
    if head[257:262] == b"ustar":
        return "tar"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "text"
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:256].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in start:
        return "html"
    if start.startswith((b"<?xml", b"<error")):
        return "xml"
    if b"\x00" in head:
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
        return "xlsx" if b"[Content_Types].xml" in head or b"xl/" in head else "zip"
    if any(name.startswith("xl/") or name == "[Content_Types].xml" for name in names):
        return "xlsx"
    if any(name.endswith((".zgroup", ".zattrs", ".zarray", "zarr.json")) for name in names):
        return "zarr"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return "ods" if "mimetype" in names and "content.xml" in names else "zip"
