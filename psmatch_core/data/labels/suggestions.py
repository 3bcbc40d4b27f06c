"""Suggestions on labels: what the grammar of screens sees in them, and the label rules that would follow.

Nothing here changes a label. The Data page, ``inspect``, ``match`` and the notes of a run show the same suggestions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from psmatch_core.base.errors import plural
from psmatch_core.data.checks import Finding, display, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.names.controls import controls_among, unnumbered
from psmatch_core.data.names.doses import dose_of, is_bare_time, same_doses
from psmatch_core.data.names.guide_names import collapsed_guides
from psmatch_core.data.names.joined_names import JoinedNames
from psmatch_core.data.names.screen_names import has_prefix, is_call, is_guide, parts_of
from psmatch_core.data.names.spellings import human_name, same_spellings, spelling, unwrapped

SUGGESTION_CODE = "PM-L28"
Counts = Mapping[str, int]
Renaming = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Suggestion:
    """A change of the label rules that the names of the labels suggest; never applied unasked.

    Parameters
    ----------
    kind
        One of :data:`SUGGESTIONS`, by which the command line accepts it.
    title
        What applying it does, as on a button.
    reason
        What was seen, in one sentence with counts and examples.
    rename_source, rename_target
        Labels to rename, as pairs (from, to).
    leave_out
        Labels to leave out in both modalities.
    n_cells
        Source and target cells whose label would change [cells].
    """

    kind: str
    title: str
    reason: str
    rename_source: Renaming = ()
    rename_target: Renaming = ()
    leave_out: tuple[str, ...] = ()
    n_cells: tuple[int, int] = (0, 0)

    def finding(self) -> Finding:
        """The suggestion as a warning."""
        hint = f"Accept the suggestion {self.kind!r} ({self.title[0].lower()}{self.title[1:]}); it is not applied."
        return warning(SUGGESTION_CODE, self.reason, hint)


def suggest(source: Counts, target: Counts, *, names: tuple[str, str] = ("source", "target")) -> tuple[Suggestion, ...]:
    """What the names of the labels suggest, each suggestion by itself.

    Parameters
    ----------
    source, target
        Cells of each label [cells].
    names
        Names of the modalities in the sentences.
    """
    found = (each((source, target), names) for each in SUGGESTIONS.values())
    return tuple(each for each in found if each is not None)


def _calls(sides: tuple[Counts, Counts], names: tuple[str, str]) -> Suggestion | None:
    calls = tuple(dict.fromkeys(label for side in sides for label in side if is_call(label)))
    if not calls:
        return None
    cells = _cells(sides, calls)
    reason = (
        f"{_listed(calls)}: a demultiplexer or guide caller writes this where it names no condition "
        f"({_of_each(cells, names)})."
    )
    return Suggestion("calls", f"Leave out {plural(len(calls), 'call')}", reason, leave_out=calls, n_cells=cells)


def _several(sides: tuple[Counts, Counts], names: tuple[str, str]) -> Suggestion | None:
    joined = JoinedNames.of(*sides).accidental()
    if not joined:
        return None
    cells = _cells(sides, joined)
    reason = (
        f"{_of_each(cells, names)} carry several guides or conditions at once ({_listed(joined, 2)}); unless these are "
        "designed combinations, their label is none of its parts."
    )
    title = f"Leave out {plural(sum(cells), 'cell')} with several guides"
    return Suggestion("several", title, reason, leave_out=joined, n_cells=cells)


def _orders(sides: tuple[Counts, Counts], names: tuple[str, str]) -> Suggestion | None:
    renaming = JoinedNames.of(*sides).one_order()
    example = _example(renaming)
    reason = f"The same names are joined in another order or by another mark: {example}."
    return _renamed("orders", "Write {} in one order", reason, sides, renaming, noun="joined label")


def _partners(sides: tuple[Counts, Counts], names: tuple[str, str]) -> Suggestion | None:
    renaming = JoinedNames.of(*sides).without_controls()
    reason = f"A control as the second guide does nothing, so these labels are those of one gene: {_example(renaming)}."
    return _renamed("partners", "Drop the control from {}", reason, sides, renaming, noun="joined label")


def _guides(sides: tuple[Counts, Counts], names: tuple[str, str]) -> Suggestion | None:
    renaming = collapsed_guides(*sides)
    is_marked = all(is_guide(each) or has_prefix(each) or parts_of(each) for side in renaming for each in side)
    what = "guides of" if is_marked else "numbers of"
    seen = [
        f"{plural(len(mapping), 'label')} of {display(name, 20)} as {what} {plural(len(set(mapping.values())), 'name')}"
        for mapping, name in zip(renaming, names, strict=True)
        if mapping
    ]
    doubt = "" if is_marked else "; collapse them only if the number is a guide's or a replicate's, and no dose or time"
    reason = f"The names show {' and '.join(seen)} ({_example(renaming)}){doubt}."
    n_stems = len({stem for mapping in renaming for stem in mapping.values()})
    title = f"Collapse {{}} to {plural(n_stems, 'gene' if is_marked else 'name')}"
    return _renamed("guides", title, reason, sides, renaming, noun="guide" if is_marked else "numbered label")


def _doses(sides: tuple[Counts, Counts], names: tuple[str, str]) -> Suggestion | None:
    renaming = same_doses(*sides)
    reason = f"The same doses are written with other units or in another way: {_example(({}, renaming))}."
    if any(dose and not dose.unit for label in (*renaming, *renaming.values()) if (dose := dose_of(label))):
        bare = next((name for name, side in zip(names, sides, strict=True) if not _has_units(side)), names[0])
        reason += f" {display(bare, 20)} writes no unit, which is taken to be that of the other file."
    if timed := next(filter(is_bare_time, (*renaming, *renaming.values())), ""):
        reason += f" {display(timed, 20)} has no unit, which is taken to be that of the other file."
    return _renamed("doses", "Write {} in one way", reason, sides, ({}, renaming), noun="dose")


def _spellings(sides: tuple[Counts, Counts], names: tuple[str, str]) -> Suggestion | None:
    others = [each(sides, names) for each in (_partners, _orders, _doses, _guides, _controls)]
    said = {old for each in others if each for old, _ in (*each.rename_source, *each.rename_target)}
    renaming = {old: new for old, new in same_spellings(*sides).items() if not said & {old, new}}
    # what a program left around a name is taken away, on whatever side it is
    back = {new: old for old, new in renaming.items() if unwrapped(new) != new and unwrapped(old) == old}
    renamings = (back, {old: new for old, new in renaming.items() if new not in back})
    reason = f"The same names are spelled in another way: {_example(renamings)}."
    ours = next((pair for each in renamings for pair in each.items() if _differ_by_species(*pair)), None)
    if ours:
        reason += f" {display(ours[0], 20)} and {display(ours[1], 20)} are the names of one gene in human and mouse."
    return _renamed("spellings", "Write {} in one way", reason, sides, renamings, noun="name")


def _differ_by_species(one: str, other: str) -> bool:
    return spelling(one) != spelling(other) and spelling(human_name(one)) == spelling(human_name(other))


def _has_units(side: Counts) -> bool:
    return any(dose.unit for label in side if (dose := dose_of(label)))


def _controls(sides: tuple[Counts, Counts], names: tuple[str, str]) -> Suggestion | None:
    orders = JoinedNames.of(*sides).one_order()
    said = {label for mapping in orders for pair in mapping.items() for label in pair}
    found = [{label: each for label, each in _controls_of(side).items() if label not in said} for side in sides]
    if _are_twins(found):
        return None
    both = found[0].keys() & found[1].keys()
    stems = [unnumbered(label) for label in sorted(both)]
    numbered = {label for label in both if unnumbered(label) != label and stems.count(unnumbered(label)) > 1}
    anchors = both - numbered
    alone = [set(side) - anchors for side in found]
    group = alone[0] | alone[1]
    families = {**found[0], **found[1]}
    kin = {each for each in group if any(_are_kin(families[each], families[anchor]) for anchor in anchors)}
    if kin:
        group, anchors = kin, {each for each in anchors if any(_are_kin(families[each], families[k]) for k in kin)}
    elif alone[0] and alone[1] and _may_mean_the_same(sides, found):
        anchors = set()
    else:
        return None
    name = _name_of_all(group | anchors, anchors, sides)
    renaming = tuple({label: name for label in side if label in group and label != name} for side in found)
    shown = [f"{_listed(sorted(set(side) & (group | anchors)), 3)} in {display(of, 20)}"
             for side, of in zip(found, names, strict=True)]  # fmt: skip
    reason = f"Controls have several names: {' and '.join(shown)}."
    title = f"Join {{}} as {display(name, 20)}"
    return _renamed("controls", title, reason, sides, (renaming[0], renaming[1]), noun="name")


def _are_twins(found: list[dict[str, str]]) -> bool:
    """Whether both sides have the same controls, several each, in other spellings: DMSO and EtOH stay two."""
    twins = same_spellings(*(dict.fromkeys(side, 1) for side in found))
    alone = [len(side.keys() - other.keys()) for side, other in (found, found[::-1])]
    return len(twins) > 1 and alone == [len(twins), len(twins)]


def _controls_of(side: Counts) -> dict[str, str]:
    """The controls of a side; where its conditions have time points, those of controls at a time stay apart."""
    found = controls_among(side)
    if any(_is_at_a_time(label) for label in side if label not in found):
        found = {label: family for label, family in found.items() if not _is_at_a_time(label)}
    return found


def _is_at_a_time(label: str) -> bool:
    dose = dose_of(label)
    return dose is not None and dose.measure == "time"


def _may_mean_the_same(sides: tuple[Counts, Counts], found: list[dict[str, str]]) -> bool:
    """Whether controls of other families may stand for one: not where the columns have nothing else in common."""
    families = [set(each.values()) for each in found]
    are_kin = any(_are_kin(one, other) for one in families[0] for other in families[1])
    return are_kin or bool(sides[0].keys() & sides[1].keys()) or any(collapsed_guides(*sides))


def _are_kin(one: str, other: str) -> bool:
    return one == other or "general" in (one, other)


def _name_of_all(labels: set[str], anchors: set[str], sides: tuple[Counts, Counts]) -> str:
    """The name for all these controls: one that both sides have, has no number, and has most cells."""
    plain = {label for label in labels if unnumbered(label) == label} or {unnumbered(label) for label in labels}
    chosen = (anchors & plain) or anchors or plain

    def rank(label: str) -> tuple[int, str]:
        return -sum(n for side in sides for each, n in side.items() if label in (each, unnumbered(each))), label

    return min(chosen, key=rank)


# In the order in which they are shown and accepted: what is left out first leaves less to rename.
SUGGESTIONS: dict[str, Callable[[tuple[Counts, Counts], tuple[str, str]], Suggestion | None]] = {
    "calls": _calls,
    "partners": _partners,
    "orders": _orders,
    "several": _several,
    "doses": _doses,
    "guides": _guides,
    "controls": _controls,
    "spellings": _spellings,
}


def doubted_codes(source: Counts, target: Counts, *, names: tuple[str, str]) -> Finding | None:
    """A warning where both sides number their labels from 0 or 1 on: a number may stand for different conditions."""
    sides = [[label for label in side if not is_call(label)] for side in (source, target)]
    numbers = [sorted(int(label) for label in side if label.isascii() and label.isdigit()) for side in sides]
    for side, found in zip(sides, numbers, strict=True):
        if len(found) < 2 or len(found) != len(side) or found[0] > 1 or found != list(range(found[0], found[-1] + 1)):
            return None
    problem = (
        f"Labels of {display(names[0], 20)} and {display(names[1], 20)} are the whole numbers {numbers[0][0]} to "
        f"{max(numbers[0][-1], numbers[1][-1])}, which look like codes: the same number may mean different conditions."
    )
    return warning("PM-L29", problem, "Check what a number means in each file, or choose columns with names.")


def _renamed(
    kind: str,
    title: str,
    reason: str,
    sides: tuple[Counts, Counts],
    renaming: tuple[dict[str, str], dict[str, str]],
    *,
    noun: str,
) -> Suggestion | None:
    """The suggestion to rename labels; none if there is nothing to rename."""
    if not any(renaming):
        return None
    cells = [sum(side[label] for label in mapping) for side, mapping in zip(sides, renaming, strict=True)]
    n_labels = len({*renaming[0], *renaming[1]})
    return Suggestion(
        kind,
        title.format(plural(n_labels, noun)),
        reason,
        rename_source=tuple(renaming[0].items()),
        rename_target=tuple(renaming[1].items()),
        n_cells=(cells[0], cells[1]),
    )


def _cells(sides: tuple[Counts, Counts], labels: tuple[str, ...]) -> tuple[int, int]:
    gone = set(labels)
    found = [sum(n for label, n in side.items() if label in gone) for side in sides]
    return found[0], found[1]


def _of_each(cells: tuple[int, int], names: tuple[str, str]) -> str:
    shown = [f"{plural(n, 'cell')} of {display(name, 20)}" for n, name in zip(cells, names, strict=True) if n]
    return " and ".join(shown)


def _listed(labels: tuple[str, ...] | list[str], limit: int = 4) -> str:
    return name_list(labels, limit)


def _example(renaming: tuple[dict[str, str], dict[str, str]]) -> str:
    found = sorted({**renaming[0], **renaming[1]}.items())[:2]
    return ", ".join(f"{display(old, 24)} → {display(new, 16)}" for old, new in found)
