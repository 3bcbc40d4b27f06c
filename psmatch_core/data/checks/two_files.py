"""Rules on two files together: same cells, same features, very different sizes, columns that do not correspond."""

from __future__ import annotations

import re
from collections.abc import Sequence

from psmatch_core.base.errors import plural
from psmatch_core.data.checks.file_facts import ColumnFacts, FileFacts, Sketch
from psmatch_core.data.checks.findings import Finding, display, name_list, warning
from psmatch_core.data.checks.finer_labels import finer_columns
from psmatch_core.data.checks.pairing import KnownPairs, decide_pairs, pairing_finding

# Share of the smaller file's feature names found in the other. Two panels of one assay overlap a little, and RNA and
# protein have some symbols in common.
SAME_FEATURES = 0.5
# With more cells than this for each cell of the other file, partners repeat so often that pairs are misleading.
SIZE_RATIO = 20.0
_PAIR_IDS = re.compile(
    r"(?i)(.*[_ .-])?(pairs?|partner|physical|cell|match(ed)?)[_ .-]?(ids?|cells?|names?|barcodes?)?"
)
MOST_DISTINCT = 0.5  # a column of pair ids has at least this many values for each cell that has one


def is_pair_column(name: str) -> bool:
    """Whether a column's name says that it holds the ids of physical cells."""
    return _PAIR_IDS.fullmatch(name[:200]) is not None


def check_pair(
    source: FileFacts,
    target: FileFacts,
    *,
    source_label_key: str = "",
    target_label_key: str = "",
    pair_keys: tuple[str, str] = ("", ""),
) -> tuple[Finding, ...]:
    """Check two files together; all findings are warnings, since each of these situations can be intended.

    Parameters
    ----------
    pair_keys
        The columns of pair ids on both sides, if they are chosen; columns that are called like ids are checked anyway.
    """
    findings: list[Finding] = []
    s, t = _sides(source, target)
    are_same = bool(source.sha256) and source.sha256 == target.sha256
    if are_same and source.features.digest == target.features.digest:  # one file may hold two modalities
        problem = f"{s} and {t} have the same content: the same file was loaded twice."
        findings.append(warning("PM-P01", problem, "Load another modality as one of them, unless this is a test."))
    elif (shared := source.features.shared_with(target.features)[0]) > SAME_FEATURES * _smaller(
        source.features, target.features
    ):
        problem = f"{s} and {t} share {plural(shared, 'feature name')} and look like the same modality."
        findings.append(
            warning("PM-P04", problem, "Load another modality as one of them, unless both are meant to be the same.")
        )
    findings.extend(pairing_finding(s, t, pairs_of_files(source, target, source_label_key, target_label_key)))
    few, many = sorted((source, target), key=lambda side: side.n_cells)
    if few.n_cells and many.n_cells > SIZE_RATIO * few.n_cells:
        fewer, more = (s, t) if few is source else (t, s)
        problem = (
            f"{more} has {plural(many.n_cells, 'cell')}, {fewer} only {few.n_cells:,}: each of these is matched "
            f"about {many.n_cells / few.n_cells:,.0f} times."
        )
        findings.append(
            warning(
                "PM-P08", problem, "Check how often each cell is used before you rely on pairs, or load more cells."
            )
        )
    findings.extend(_of_labels(source, target, source_label_key, target_label_key))
    keys = (source_label_key, target_label_key or source_label_key)
    findings.extend(each.finding() for each in finer_columns(source, target, keys))
    findings.extend(_of_pair_columns(source, target, {source_label_key, target_label_key}, pair_keys))
    return tuple(findings)


def pairs_of_files(
    source: FileFacts,
    target: FileFacts,
    source_label_key: str = "",
    target_label_key: str = "",
    *,
    columns: tuple[bool, bool] = (False, False),
) -> KnownPairs:
    """How true pairs are known by the pair columns, cell names and labels of two files, if nothing else is set."""
    labels = [
        next((column.listed for column in side.columns if column.name == key), ())
        for side, key in ((source, source_label_key), (target, target_label_key or source_label_key))
    ]
    return decide_pairs(source.cells, target.cells, (labels[0], labels[1]) if all(labels) else None, columns=columns)


def _of_labels(source: FileFacts, target: FileFacts, source_label_key: str, target_label_key: str) -> list[Finding]:
    s, t = _sides(source, target)
    findings: list[Finding] = []
    on_source = {column.name: column for column in source.columns}
    on_target = {column.name: column for column in target.columns}
    source_label, target_label = on_source.get(source_label_key), on_target.get(target_label_key or source_label_key)
    if source_label and not target_label:
        best = _most_alike(source_label, target.columns)
        if best:
            there = display(best.name)
            problem = f"{t} has no column {display(source_label.name)}; its column {there} holds the same labels."
            findings.append(warning("PM-P07", problem, f"Choose {display(best.name)} as the label column of {t}."))
    elif target_label and source_label and target_label.name != source_label.name:
        problem = (
            f"Labels are in column {display(source_label.name)} of {s} and in {display(target_label.name)} of {t}."
        )
        findings.append(warning("PM-P07", problem, "Check that both columns mean the same."))
    if source_label and target_label and not _shared(source_label, target_label):
        for label, side, name in ((source_label, target, t), (target_label, source, s)):
            better = _most_alike(label, side.columns)
            if better and _shared(label, better) > 1:
                problem = (
                    f"No label is shared, but column {display(better.name)} of {name} holds "
                    f"{plural(_shared(label, better), 'label')} of {display(label.name)}."
                )
                findings.append(warning("PM-P07", problem, f"Choose it as the label column of {name}."))
    if source_label and target_label and source_label.kind != target_label.kind:
        problem = f"Labels are {_stored(source_label)} in {s} and {_stored(target_label)} in {t}."
        findings.append(warning("PM-L04", problem, "They are compared as text, with 1.0 written as 1."))
    return findings


def _of_pair_columns(
    source: FileFacts, target: FileFacts, labels: set[str], pair_keys: tuple[str, str]
) -> list[Finding]:
    """Warnings about columns of pair ids: chosen on both sides, or called alike and like ids."""
    findings = []
    s, t = _sides(source, target)
    on_target = {column.name: column for column in target.columns}
    for column in source.columns:
        is_chosen = column.name == pair_keys[0]
        other = on_target.get(pair_keys[1] if is_chosen else column.name)
        if other is None or not (is_chosen or (column.name not in labels and is_pair_column(column.name))):
            continue
        filled = [side.n_cells - each.n_missing for side, each in ((source, column), (target, other))]
        distinct = [column.n_distinct, other.n_distinct]
        if not all(each > MOST_DISTINCT * n for each, n in zip(distinct, filled, strict=True)):
            continue
        if column.kind != other.kind:
            problem = f"Column {display(column.name)} (pair ids?) holds {column.kind} in {s} and {other.kind} in {t}."
            findings.append(
                warning("PM-P06", problem, "As a pair column it is compared as text, with 1.0 written as 1.")
            )
        if distinct != filled:
            findings.append(_repeated_ids(column.name, sum(filled) - sum(distinct)))
    return findings


def _repeated_ids(column: str, n_more: int) -> Finding:
    """The finding that values of a pair column occur more than once in a file; ``n_more`` cells beyond the first."""
    problem = (
        f"Pair column {display(column)}: values occur more than once in a file ({plural(n_more, 'cell')} beyond the "
        "first), so they do not name one cell."
    )
    return warning("PM-P03", problem, "Such values count as no pair; give each physical cell an id of its own.")


def _most_alike(column: ColumnFacts, candidates: Sequence[ColumnFacts]) -> ColumnFacts | None:
    shared = {each.name: _shared(each, column) for each in candidates}
    best = max(candidates, key=lambda each: shared[each.name], default=None)
    return best if best is not None and shared[best.name] else None


def _shared(one: ColumnFacts, other: ColumnFacts) -> int:
    """The number of labels that both columns have."""
    return len(set(one.counts) & set(other.counts))


def _stored(column: ColumnFacts) -> str:
    return f"{column.kind} ({name_list(column.counts, 1)})"


def _smaller(one: Sketch, other: Sketch) -> int:
    return max(1, min(one.n_names, other.n_names))


def _sides(source: FileFacts, target: FileFacts) -> tuple[str, str]:
    """Names of both files for a message, distinguished if they are the same."""
    if source.name == target.name:
        return f"{display(source.name, 20)} (source)", f"{display(target.name, 20)} (target)"
    return display(source.name, 28), display(target.name, 28)
