"""The list of runs: one row for each folder, kept in a table. Where they disagree, the folders are right.

A folder is read again when the time or size of its small files has changed, while its run is active, and as long as
something in it cannot be read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from psmatch_core.base import disk
from psmatch_core.workspace.run_facts import SOURCES_OF_FACTS, RunFacts, read_facts
from psmatch_core.workspace.run_folder import QUEUED, RUN_ID, RUNNING, RunFolder, RunState

_Row = tuple[str, str, str, float, str, str]  # id, stamp, name, created, state, facts as JSON
_TABLE = "run_list"  # that of earlier versions, without facts, was called listed
_COLUMNS = "id, stamp, name, created, state, facts"
_ENDED = frozenset(RunState) - {QUEUED, RUNNING}


@dataclass(frozen=True)
class RunEntry:
    """One row of the list of runs.

    Parameters
    ----------
    created
        Seconds since the epoch.
    problem, hint
        What cannot be read of its folder, and what to do; empty if it is whole.
    facts
        Its data, verdict and note.
    """

    id: str
    name: str
    created: float
    state: RunState
    problem: str = ""
    hint: str = ""
    facts: RunFacts = RunFacts()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the facts beside the rest."""
        return {**{name: value for name, value in vars(self).items() if name != "facts"}, **asdict(self.facts)}


@dataclass(frozen=True)
class RunIndex:
    """The index of a workspace, in ``runs.sqlite``."""

    root: Path

    def entries(self, folders: Iterable[Path]) -> list[RunEntry]:
        """The rows of folders, newest first."""
        with self._table() as table:
            known = {row[0]: row for row in table.execute(f"SELECT {_COLUMNS} FROM {_TABLE}")}
        found, changed = [], []
        for path in folders:
            row = known.get(path.name)
            if row is not None and row[1] and row[1] == _stamp(path) and row[4] in _ENDED:
                facts = RunFacts(**json.loads(row[5]))
                found.append(RunEntry(row[0], row[2], row[3], RunState(row[4]), facts=facts))
                continue
            entry, read = _read_row(path)
            found.append(entry)
            if read != row:
                changed.append(read)
        self._keep(changed)
        return sorted(found, key=lambda entry: -entry.created)

    def record(self, path: Path) -> RunEntry:
        """Read a folder and keep its row."""
        entry, row = _read_row(path)
        self._keep([row])
        return entry

    def _keep(self, rows: Sequence[_Row]) -> None:
        """Keep rows in one go: each go waits for the disk."""
        if rows:
            with suppress(sqlite3.OperationalError), self._table() as table:
                table.executemany(f"INSERT OR REPLACE INTO {_TABLE} ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", rows)

    def remove(self, run_id: str) -> None:
        """Forget the row of a folder."""
        with suppress(sqlite3.OperationalError), self._table() as table:
            table.execute(f"DELETE FROM {_TABLE} WHERE id = ?", (run_id,))

    @contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        with disk.explain_full_disk("the list of runs"):
            self.root.mkdir(parents=True, exist_ok=True)
        path = self.root / "runs.sqlite"
        # The table is only an index of the folders: a damaged one is replaced, and on a full disk it is made in memory.
        for place in (path, path, ":memory:"):
            with closing(sqlite3.connect(place, timeout=10)) as table:
                try:
                    table.execute("PRAGMA journal_mode=WAL")
                    table.execute("PRAGMA synchronous=FULL")
                    table.execute(
                        f"CREATE TABLE IF NOT EXISTS {_TABLE}"
                        " (id TEXT PRIMARY KEY, stamp TEXT, name TEXT, created REAL, state TEXT, facts TEXT)"
                    )
                except sqlite3.DatabaseError:
                    is_damaged = True
                else:
                    is_damaged = False
                    with table:
                        yield table
            if not is_damaged:
                return
            path.unlink(missing_ok=True)


def _read_row(path: Path) -> tuple[RunEntry, _Row]:
    """The entry of a folder and its row; the stamp comes first, so that a change in between is seen the next time."""
    stamp, entry = _stamp(path), read_entry(path)
    stamp = "" if entry.problem else stamp  # a damaged folder is looked at each time: it may have been mended
    facts = json.dumps(asdict(entry.facts))
    return entry, (entry.id, stamp, entry.name, entry.created, entry.state.value, facts)


def read_entry(path: Path) -> RunEntry:
    """The row of a folder, read from its files."""
    folder = RunFolder(path)
    damage = folder.damage()
    problem, hint = (damage.problem, damage.hint) if damage is not None else ("", "")
    return RunEntry(
        folder.id,
        str(folder.job.get("name", "")),
        folder.created,
        folder.status().state,
        problem=problem,
        hint=hint,
        facts=read_facts(path),
    )


def run_folders_in(place: Path) -> list[Path]:
    """The folders in a folder whose names are ids of runs."""
    found = place.iterdir() if place.is_dir() else ()
    return [path for path in found if RUN_ID.fullmatch(path.name) and path.is_dir()]


def _stamp(path: Path) -> str:
    """Size and time of the files from which an entry is read: while they stay the same, so does the entry."""
    found = []
    for name in ("job.json", "status.json", *SOURCES_OF_FACTS):
        with suppress(OSError):
            stat = (path / name).stat()
            found.append(f"{stat.st_mtime_ns}.{stat.st_size}")
    return " ".join(found)
