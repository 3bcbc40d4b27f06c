"""Label rules: which labels are renamed, left out or thinned, and how the labels of both modalities then compare."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import Finding, display, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.labels.shared_labels import LabelReport, reconcile
from psmatch_core.data.labels.suggestions import SUGGESTIONS, Suggestion
from psmatch_core.data.sides import SIDES


@dataclass(frozen=True)
class LabelRules(Config):
    """How the labels of two modalities are reconciled; every excluded cell is listed.

    Labels are renamed first. Then labels are left out, those of one modality only and small ones among them, and at
    last large labels are thinned.

    Examples
    --------
    >>> import psmatch
    >>> rules = psmatch.LabelRules(leave_out=("Doublet",), rename_source=(("STAT1_g1", "STAT1"),))
    >>> rules
    LabelRules(rename_source=(('STAT1_g1', 'STAT1'),), leave_out=('Doublet',))
    """

    rename_source: tuple[tuple[str, str], ...] = option(
        (), help="Labels of the source to rename, as pairs (from, to) or as text: from=to, from=to.", advanced=True
    )
    rename_target: tuple[tuple[str, str], ...] = option(
        (), help="Labels of the target to rename, as pairs (from, to) or as text: from=to, from=to.", advanced=True
    )
    leave_out: tuple[str, ...] = option(
        (),
        help="Labels to leave out even if both modalities have them, such as Doublet, Negative; by their names after "
        "renaming.",
    )
    keep_only: tuple[str, ...] = option(
        (), help="The only labels to keep, by their names after renaming; an empty list keeps all."
    )
    unshared: str = option(
        "leave out",
        choices=("leave out", "refuse"),
        help="What to do with cells whose label is in one modality only: leave them out and list them, "
        "or refuse the run.",
    )
    minimum_cells: int = option(
        1, minimum=1, unit="cells", help="Exclude labels with fewer cells than this in either modality; 1 keeps all."
    )
    maximum_cells: int = option(
        0,
        minimum=0,
        unit="cells",
        help="Keep at most so many cells of a label in each modality, drawn with the seed; 0 keeps all. Each modality "
        "draws for itself, so fewer known pairs remain.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.maximum_cells < self.minimum_cells:
            raise PsmatchError(
                f"labels.maximum_cells is {self.maximum_cells:,}, fewer than labels.minimum_cells "
                f"({self.minimum_cells:,}): no label could be kept.",
                hint="Raise labels.maximum_cells, or set it to 0 to keep all cells.",
            )

    def renaming(self, side: str) -> dict[str, str]:
        """The new name of each label that is renamed of the ``source``, or of any other side: all have the target's."""
        return dict(self.rename_source if side == SIDES[0] else self.rename_target)

    def with_renaming(self, side: str, mapping: Mapping[str, str], labels: Iterable[str]) -> Self:
        """The rules with labels of one side renamed once more.

        Parameters
        ----------
        mapping
            From names as they are under these rules to new names.
        labels
            All labels of that side as the file has them.
        """
        before = self.renaming(side)
        names = {label: before.get(label, label) for label in (*labels, *before)}
        after = {label: mapping.get(name, name) for label, name in names.items()}
        pairs = tuple((label, name) for label, name in after.items() if name != label)
        return replace(self, rename_source=pairs) if side == "source" else replace(self, rename_target=pairs)

    def accepting(self, offered: Suggestion, source: Iterable[str], target: Iterable[str]) -> Self:
        """The rules with a suggestion applied.

        Parameters
        ----------
        source, target
            All labels of both sides as the files have them.
        """
        rules = self.with_renaming("source", dict(offered.rename_source), source)
        rules = rules.with_renaming("target", dict(offered.rename_target), target)
        return replace(rules, leave_out=tuple(dict.fromkeys([*rules.leave_out, *offered.leave_out])))

    def reason_against(self, label: str) -> str:
        """Why the cells of a label (by its name after renaming) are left out; empty if these rules keep it."""
        if label in self.leave_out:
            return f"its label {display(label)} is left out (labels.leave_out)"
        if self.keep_only and label not in self.keep_only:
            return f"its label {display(label)} is not among those to keep (labels.keep_only)"
        return ""

    def for_prepared_cells(self) -> Self:
        """The rules for cells to which they were applied already, such as those in the folder of a run."""
        return replace(self, rename_source=(), rename_target=(), leave_out=(), keep_only=(), maximum_cells=0)


def renamed(counts: Mapping[str, int], mapping: Mapping[str, str]) -> dict[str, int]:
    """Cells of each label after renaming [cells]."""
    out: dict[str, int] = {}
    for label, cells in counts.items():
        name = mapping.get(label, label)
        out[name] = out.get(name, 0) + cells
    return out


def reconcile_by_rules(
    rules: LabelRules,
    source_counts: Mapping[str, int],
    target_counts: Mapping[str, int],
    *,
    source_name: str = "source",
    target_name: str = "target",
) -> LabelReport:
    """Compare the labels of both modalities as they are under some rules.

    Parameters
    ----------
    source_counts, target_counts
        Cells of each label as the files have them [cells].
    source_name, target_name
        Names of the modalities in messages.

    Returns
    -------
    The labels of both sides: shared, in one only, too small, and what their names suggest.

    Examples
    --------
    >>> import psmatch
    >>> psmatch.reconcile_by_rules(psmatch.LabelRules(), {"STAT1": 90, "JAK2": 3}, {"STAT1": 80, "MYC": 70}).shared
    ('STAT1',)
    """
    files = (source_counts, target_counts)
    sides = [renamed(counts, rules.renaming(side)) for side, counts in zip(SIDES, files, strict=True)]
    left_out = tuple(
        (label, sides[0].get(label, 0), sides[1].get(label, 0))
        for label in dict.fromkeys([*sides[0], *sides[1]])
        if rules.reason_against(label)
    )
    gone = {label for label, _, _ in left_out}
    most = rules.maximum_cells or max([*sides[0].values(), *sides[1].values()], default=0)
    kept = [{label: min(cells, most) for label, cells in side.items() if label not in gone} for side in sides]
    report = reconcile(*kept, minimum_cells=rules.minimum_cells, source_name=source_name, target_name=target_name)
    unknown = tuple(_unknown_names(rules, files, sides, (source_name, target_name)))
    return replace(report, left_out=left_out, findings=(*report.findings, *unknown))


def accept_suggestions(
    rules: LabelRules, kinds: Iterable[str], source_counts: Mapping[str, int], target_counts: Mapping[str, int]
) -> LabelRules:
    """The rules with suggestions accepted by name, each made of what the ones before have left.

    Parameters
    ----------
    kinds
        Names of suggestions, or ``all``.
    source_counts, target_counts
        Cells of each label as the files have them [cells].

    Returns
    -------
    The rules with what was accepted: labels renamed or left out.

    Raises
    ------
    PsmatchError
        For a name that is no suggestion's, or if the labels do not suggest it.

    Examples
    --------
    >>> import psmatch
    >>> found = {"STAT1_g1": 90, "STAT1_g2": 80, "JAK2_g1": 70, "JAK2_g2": 60, "NTC": 50}
    >>> other = {"STAT1": 200, "JAK2": 150, "NTC": 40}
    >>> rules = psmatch.accept_suggestions(psmatch.LabelRules(), ["guides"], found, other)
    >>> dict(rules.rename_source)["STAT1_g1"]
    'STAT1'
    """
    wanted = set(kinds)
    unknown = sorted(wanted - {*SUGGESTIONS, "all"})
    if unknown:
        raise PsmatchError(f"There is no suggestion {unknown[0]!r}.", hint=f"Use {', '.join(SUGGESTIONS)} or all.")
    offered = [each.kind for each in reconcile_by_rules(rules, source_counts, target_counts).suggestions]
    for kind in SUGGESTIONS:
        found = reconcile_by_rules(rules, source_counts, target_counts).suggestions
        chosen = next((each for each in found if each.kind == kind), None)
        if chosen is not None and wanted & {kind, "all"}:
            rules = rules.accepting(chosen, source_counts, target_counts)
        elif kind in wanted:
            hint = f"The labels suggest: {', '.join(offered)}." if offered else "They suggest nothing: leave it out."
            raise PsmatchError(f"The labels do not suggest {kind!r}.", hint=hint)
    return rules


def _unknown_names(
    rules: LabelRules,
    files: tuple[Mapping[str, int], Mapping[str, int]],
    sides: list[dict[str, int]],
    names: tuple[str, str],
) -> Iterable[Finding]:
    """Warnings about rules on labels that do not exist, which would otherwise do nothing in silence."""
    both = {**sides[0], **sides[1]}
    asked: list[tuple[str, Iterable[str], Mapping[str, int], str]] = [
        ("rename_source", rules.renaming("source"), files[0], f"{display(names[0], 20)} does not have"),
        ("rename_target", rules.renaming("target"), files[1], f"{display(names[1], 20)} does not have"),
        ("leave_out", rules.leave_out, both, "neither modality has"),
        ("keep_only", rules.keep_only, both, "neither modality has"),
    ]
    for option_name, wanted, known, who in asked:
        missing = [label for label in wanted if label not in known]
        if missing:
            problem = f"labels.{option_name} names {plural(len(missing), 'label')} that {who}: {name_list(missing)}."
            yield warning("PM-L27", problem, _advice(missing[0], known))


def _advice(label: str, known: Iterable[str]) -> str:
    by_case = {each.casefold(): each for each in known}
    alike = difflib.get_close_matches(label.casefold(), by_case, n=1)
    if alike:
        return f"Correct the name (did you mean {display(by_case[alike[0]])}?), or remove it from the list."
    return "Correct the name (names count as they are after renaming), or remove it from the list."
