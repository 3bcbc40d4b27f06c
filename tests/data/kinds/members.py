"""How members of a kind are written: any bytes, a changed text table, a changed h5ad."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from random import Random

import h5py

from tests.data.kinds.drawn_table import ALL, H5AD, DrawnTable, draw_table, write_lines
from tests.data.kinds.kind import Member

ENDINGS = (".h5ad", ".csv", ".tsv", ".csv.gz", ".npz", ".txt")


def written(rng: Random, folder: Path, table: DrawnTable, formats: tuple[str, ...] = ALL) -> Member:
    return Member((table.write(rng, folder, formats),), table.key)


def some_of(rng: Random, n: int, most: int = 5) -> list[int]:
    """A few different positions, anywhere."""
    return sorted(rng.sample(range(n), rng.randint(1, min(most, n))))


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


def h5_member(rng, folder, change, formats=H5AD) -> Member:
    table = draw_table(rng)
    path = table.write(rng, folder, formats)
    with h5py.File(path, "a") as file:
        change(file)
    return Member((path,), table.key)


def zip_of(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return out.getvalue()
