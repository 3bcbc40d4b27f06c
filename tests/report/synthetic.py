"""A matching of any size made in a second, for tests of what a report holds; and its text, unpacked as in a browser."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import sparse

from psmatch_core.matching.blocks import SparseBlock
from psmatch_core.matching.coupling import Coupling
from psmatch_core.monitor import Verdict
from psmatch_core.report.linked_cells import CellMap


@dataclass(frozen=True, eq=False)
class Side:
    """The parts of a scored modality that a report reads."""

    modality: Any
    y: np.ndarray
    label_names: tuple[str, ...]


def side(name: str, n: int, labels: tuple[str, ...], rng: np.random.Generator) -> Side:
    """Cells with names like barcodes, each with a random label."""
    y = rng.integers(0, len(labels), n)
    codes = rng.choice(np.frombuffer(b"ACGT", dtype=np.uint8), (n, 16)).tobytes().decode()
    names = np.array([f"{codes[16 * i : 16 * i + 16]}-{i}" for i in range(n)], dtype=object)
    modality = SimpleNamespace(name=name, n_cells=n, obs_names=names, labels=np.array(labels, dtype=object)[y])
    return Side(modality, y, labels)


def matching(n: int, m: int, labels: tuple[str, ...], *, per_row: int = 20) -> tuple[Coupling, list[CellMap], Any]:
    """A coupling with random sparse plans, two maps that are shared and one of the source alone, and verdicts."""
    rng = np.random.default_rng(n)
    source, target = side("RNA", n, labels, rng), side("ADT", m, labels, rng)
    blocks = {}
    for at, label in enumerate(labels):
        rows, columns = int((source.y == at).sum()), int((target.y == at).sum())
        if not rows or not columns:
            continue
        entries = (np.repeat(np.arange(rows), per_row), rng.integers(0, columns, rows * per_row))
        plan = sparse.csr_matrix((rng.exponential(size=rows * per_row) ** 2, entries), shape=(rows, columns))
        blocks[label] = SparseBlock(plan / plan.sum())
    coupling = Coupling(source, target, blocks, ())  # type: ignore[arg-type]
    judged = tuple(SimpleNamespace(label=each, verdict=Verdict.USE, reasons=("it is",)) for each in labels)
    verdicts = SimpleNamespace(labels=judged, by_label={each.label: each for each in judged}, is_measured=True)
    xy = [rng.normal(size=(size, 2)).astype(np.float32) for size in (n, m, n, m, n)]
    maps = [
        CellMap("UMAP of the scores", xy[0], xy[1]),
        CellMap("PCA of the scores", xy[2], xy[3]),
        CellMap("X_umap of the file", xy[4], None, is_shared=False),
    ]
    return coupling, maps, verdicts


def unpacked(text: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Head and arrays of a packed text."""
    return unframed(zlib.decompress(base64.b64decode(text, validate=True)))


def unframed(whole: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Head and arrays of a frame."""
    size = int.from_bytes(whole[:4], "little")
    head = json.loads(whole[4 : 4 + size])
    arrays = {}
    for name, (kind, at, n) in head["arrays"].items():
        arrays[name] = np.frombuffer(whole, np.dtype(kind).newbyteorder("<"), n, offset=4 + size + at)
    return head, arrays
