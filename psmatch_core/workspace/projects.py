"""Projects: runs grouped by the data they were made of, with the settings in which they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace.compare import differing_settings
from psmatch_core.workspace.run_facts import RunFacts
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.run_index import RunEntry

NO_DATA = "Runs whose data are not known"
SAME_IN_A_PROJECT = (".sha256", ".path")  # a copy of a file may lie elsewhere


@dataclass(frozen=True)
class Project:
    """The runs on one pair of files, in the order in which they were given.

    Parameters
    ----------
    name
        Names of the modalities, with those of the files where two projects would else be called the same, and with a
        number where even these are the same.
    """

    name: str
    runs: tuple[RunEntry, ...]


def group_by_data(entries: Sequence[RunEntry]) -> list[Project]:
    """The projects of runs; the project of the first run comes first. Every run is in exactly one."""
    groups: dict[str, list[RunEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.facts.data, []).append(entry)
    names = _names({data: runs[0].facts for data, runs in groups.items()}, list(reversed(groups)))
    return [Project(names[data], tuple(runs)) for data, runs in groups.items()]


def _names(facts: Mapping[str, RunFacts], oldest_first: Sequence[str]) -> dict[str, str]:
    """A name for each data set: of the modalities, with the files where that is needed, with a number where it is."""
    names = {data: each.data_name if data else NO_DATA for data, each in facts.items()}
    for data in [each for each, name in names.items() if each and list(names.values()).count(name) > 1]:
        names[data] += f" ({facts[data].data_files})"
    taken: Counter[str] = Counter()
    found = {}
    for data in oldest_first:
        taken[names[data]] += 1
        found[data] = names[data] if taken[names[data]] == 1 else f"{names[data]}, data set {taken[names[data]]}"
    return found


def distinguishing_settings(folders: Sequence[RunFolder]) -> list[dict[str, str]]:
    """What distinguishes each of several runs on the same data from the others.

    Returns
    -------
    For each run the settings in which any of them differ, by title, with their values in words. Empty for a run whose
    settings cannot be read, and for one that has no such setting.
    """
    recipes = {}
    for at, folder in enumerate(folders):
        try:
            recipes[at] = folder.recipe
        except PsmatchError:  # the list of runs tells of a damaged one
            continue
    if len(recipes) < 2:
        return [{} for _ in folders]
    rows = differing_settings(list(recipes.values()), hidden=SAME_IN_A_PROJECT)
    place = {at: number for number, at in enumerate(recipes)}
    return [
        {title: words for title, values in rows.items() if (words := values[place[at]]) is not None}
        if at in place
        else {}
        for at in range(len(folders))
    ]
