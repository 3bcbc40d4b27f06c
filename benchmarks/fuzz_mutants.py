"""Mutants of good files: bytes changed anywhere, and structure changed with right checksums."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

BLOCK = 64
TOKENS = (
    "",
    "NA",
    "nan",
    "inf",
    "-1",
    "1e999",
    "0x1f",
    '"',
    "'",
    ",",
    "\t",
    "\x00",
    "\ufeff",
    "é",
    "=1+1",
    "9" * 400,
    "a" * 100_000,
)


def changed_bytes(data: bytes, rng: random.Random) -> bytes:
    """The file with a few bits, bytes or blocks changed, moved or lost."""
    out = bytearray(data)
    way = rng.randrange(8)
    at = rng.randrange(len(out))
    length = min(rng.choice([1, 2, 8, BLOCK, 4096]), len(out) - at)
    if way == 0:
        for _ in range(rng.randint(1, 20)):
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif way == 1:
        for _ in range(rng.randint(1, 8)):
            out[rng.randrange(len(out))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
    elif way == 2:
        del out[at:]
    elif way == 3:
        out[at : at + length] = bytes(length)
    elif way == 4:
        out[at : at + length] = rng.randbytes(length)
    elif way == 5:
        del out[at : at + length]
    elif way == 6:
        out[at:at] = out[rng.randrange(len(out)) :][:length]
    else:  # headers hold the structure: change them more often
        for _ in range(rng.randint(1, 6)):
            out[rng.randrange(min(len(out), 2048))] = rng.randrange(256)
    return bytes(out)


def changed_text(data: bytes, rng: random.Random) -> bytes:
    """A table with a few fields or lines changed; compressed again if it was."""
    is_packed = data[:2] == b"\x1f\x8b"
    lines = (gzip.decompress(data) if is_packed else data).decode("utf-8").splitlines()
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines)) if rng.random() < 0.7 else 0
        fields = lines[at].split(",")
        way = rng.randrange(7)
        if way == 0:
            fields[rng.randrange(len(fields))] = rng.choice(TOKENS)
        elif way == 1:
            fields.insert(rng.randrange(len(fields) + 1), rng.choice(TOKENS))
        elif way == 2:
            del fields[rng.randrange(len(fields))]
        lines[at] = ",".join(fields)
        if way == 3:
            lines.insert(rng.randrange(len(lines) + 1), rng.choice([lines[at], rng.choice(TOKENS), "#" + lines[at]]))
        elif way == 4 and len(lines) > 1:
            del lines[at]
        elif way == 5:
            cut = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + rng.choice(TOKENS) + lines[at][cut:]
        elif way == 6:
            lines[at] = lines[at].replace(",", rng.choice(["\t", ";", " ", ",,", "|"]))
        if not lines:
            break
    text = rng.choice(["\n", "\r\n", "\r"]).join([*lines, ""]).encode("utf-8", "surrogatepass")
    return gzip.compress(text) if is_packed else text


def changed_npz(data: bytes, rng: random.Random) -> bytes:
    """An npz with an array's bytes or name changed, and right checksums."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    at = rng.randrange(len(parts))
    name, content = parts[at]
    way = rng.randrange(4)
    if way == 0:
        parts[at] = (name, changed_bytes(content, rng))
    elif way == 1:
        parts[at] = (rng.choice(["X.npy", "images.npy", "obs_names.npy", "../x.npy", "a", "", name * 30]), content)
    elif way == 2:
        del parts[at]
    else:
        header = bytearray(content)
        header[rng.randrange(min(128, len(header)))] = rng.randrange(256)
        parts[at] = (name, bytes(header))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for each, content in parts:
            archive.writestr(each or "x", content)
    return out.getvalue()


def changed_tree(data: bytes, rng: random.Random, path: Path) -> bytes:
    """An HDF5 file with objects or attributes replaced, renamed or deleted by the library itself."""
    import h5py

    path.write_bytes(data)
    with h5py.File(path, "a") as file:
        names: list[str] = []
        file.visit(names.append)
        for _ in range(rng.randint(1, 3)):
            name = rng.choice(names)
            item = file.get(name)
            if item is None:
                continue
            way = rng.randrange(6)
            if way == 0:
                del file[name]
            elif way == 1 and len(item.attrs):
                key = rng.choice(list(item.attrs))
                if rng.random() < 0.5:
                    del item.attrs[key]
                else:
                    item.attrs[key] = _odd_value(rng)
            elif way == 2:
                del file[name]
                file[name] = _odd_value(rng)
            elif way == 3:
                file.move(name, name + rng.choice(["2", "/x", " "]))
            elif way == 4:
                del file[name]
                file.create_group(name).attrs["encoding-type"] = rng.choice(["csr_matrix", "dataframe", "x"])
            elif isinstance(item, h5py.Dataset) and item.size:
                values = item[...]
                del file[name]
                file[name] = rng.choice(
                    [
                        lambda v: v[:-1] if v.ndim else v,
                        lambda v: v.reshape(1, *v.shape),
                        lambda v: v[:0] if v.ndim else v,
                    ]
                )(values)
    return path.read_bytes()


def _odd_value(rng: random.Random) -> Any:
    import numpy as np

    values = [
        0,
        -1,
        2**63 - 1,
        float("nan"),
        "text",
        "é" * 1000,
        b"\xff\xfe",
        True,
        np.arange(3),
        np.zeros((2, 2)),
        np.zeros(0),
        np.array([b"a", b"b"]),
        [2**40, 2**40],
    ]
    return rng.choice(values)


def mutant(data: bytes, kind: str, rng: random.Random, scratch: Path) -> tuple[bytes, bool]:
    """A mutant of the good file ``data`` of a kind, and whether its bytes were changed rather than its structure."""
    structured: dict[str, Callable[[], bytes]] = {
        "h5ad": lambda: changed_tree(data, rng, scratch),
        "csv": lambda: changed_text(data, rng),
        "csv.gz": lambda: changed_text(data, rng),
        "npz": lambda: changed_npz(data, rng),
        "h5mu": lambda: changed_tree(data, rng, scratch),
        "loom": lambda: changed_tree(data, rng, scratch),
        "zarr.zip": lambda: changed_npz(data, rng),
        "mtx.zip": lambda: changed_npz(data, rng),
    }
    if rng.random() < 0.4:
        try:
            return structured[kind](), False
        except (OSError, ValueError, KeyError, RuntimeError, TypeError):  # the library refuses to write this change
            pass
    return changed_bytes(data, rng), True
