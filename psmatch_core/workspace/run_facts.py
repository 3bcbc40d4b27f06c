"""What lists of runs say of a run beside its state: the data it was made of, its verdict, and its user's note.

Everything is read from small files, so that damage in one of them is an answer and never an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psmatch_core.base.errors import PsmatchError
from psmatch_core.monitor.report import Verdict
from psmatch_core.workspace.new_folder import check_there
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.small_files import read_plain, write_plain

NOTE_FILE = "user_note.json"  # what a person wrote; notes.json has what the computation remarked
LONGEST_NOTE = 2000  # characters
SOURCES_OF_FACTS = ("recipe.json", "monitor.json", NOTE_FILE)


@dataclass(frozen=True)
class RunFacts:
    """Facts about a run, each an empty text where it is not known.

    Parameters
    ----------
    data
        Identifies both files, in whatever order: by their content where the recipe has its hash, else by their paths.
    data_name
        Names of the modalities, such as ``RNA → ADT``.
    data_files
        Names of the files.
    verdict
        What the matches are good for, with the number of labels of each verdict.
    note
        What its user wrote.
    """

    data: str = ""
    data_name: str = ""
    data_files: str = ""
    verdict: str = ""
    note: str = ""


def read_facts(path: Path) -> RunFacts:
    """The facts about the run in a folder."""
    recipe = read_plain(path / "recipe.json") or {}
    sides = [found for name in ("source", "target") if isinstance(found := recipe.get(name), Mapping)]
    whole = len(sides) == 2
    texts = [{name: str(value) for name, value in each.items()} for each in sides]
    return RunFacts(
        data=" + ".join(sorted(_identity(each) for each in texts)) if whole else "",
        data_name=" → ".join(each.get("name", "") for each in texts) if whole else "",
        data_files=", ".join(dict.fromkeys(_file_name(each.get("path", "")) for each in texts)) if whole else "",
        verdict=_verdict(read_plain(path / "monitor.json") or {}),
        note=read_note(path),
    )


def read_note(path: Path) -> str:
    """What a person wrote about the run in a folder; empty if nothing, or nothing that can be read."""
    text = (read_plain(path / NOTE_FILE) or {}).get("text", "")
    return text[:LONGEST_NOTE] if isinstance(text, str) else ""


def write_note(folder: RunFolder, text: str) -> None:
    """Replace what a person wrote about a run; an empty text removes it.

    Raises
    ------
    PsmatchError
        If the note is too long, the folder was removed, or the disk is full.
    """
    text = text.strip().encode("utf-8", "replace").decode("utf-8")
    if len(text) > LONGEST_NOTE:
        raise PsmatchError(
            f"A note may have {LONGEST_NOTE:,} characters; this one has {len(text):,}.",
            hint="Shorten it, or keep the details in a file of your own.",
        )
    folder.check_writable()
    check_there(folder.path)
    write_plain(folder.path / NOTE_FILE, {"text": text})


def _identity(side: Mapping[str, str]) -> str:
    """The content of a file, or its path, with the modality in it."""
    return f"{side.get('sha256') or side.get('path', '')}#{side.get('part', '')}"


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _verdict(report: Mapping[str, Any]) -> str:
    """The verdict in a report of the monitor; empty if there is none that can be read."""
    try:
        counts = Counter(Verdict[row["verdict"]] for row in report["labels"])
        title = Verdict[report["verdict"]].title
    except (KeyError, TypeError):
        return ""
    return f"{title}: {', '.join(f'{counts[each]} {each.value}' for each in Verdict if counts[each])}"
