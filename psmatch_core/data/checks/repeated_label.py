"""Columns that repeat the label value by value, such as the name of a gene beside its id: a fact, no fault."""

from __future__ import annotations

from psmatch_core.base.errors import some
from psmatch_core.data.checks.file_facts import FileFacts
from psmatch_core.data.checks.findings import display

MOST_SHOWN = 4


def repeating_columns(side: FileFacts, label_key: str) -> list[str]:
    """The columns of a file in which each value stands for one label, and each label for one value.

    Cells without a label have no value there either. In large files the values are compared over the listed cells, the
    numbers of values and of cells over all.
    """
    label = next((each for each in side.columns if each.name == label_key and each.listed), None)
    if label is None:
        return []
    sizes = sorted(label.counts.values())
    return [
        each.name
        for each in side.columns
        if each.name != label_key
        and each.listed
        and (each.n_distinct, each.n_missing) == (label.n_distinct, label.n_missing)
        and sorted(each.counts.values()) == sizes
        and len(set(zip(label.listed, each.listed, strict=True))) == len(set(label.listed)) == len(set(each.listed))
    ]


def repetition_text(side: FileFacts, label_key: str) -> str:
    """One sentence on the columns that repeat the label; empty if none does."""
    found = repeating_columns(side, label_key)
    if not found:
        return ""
    verb = "Column {} repeats" if len(found) == 1 else "Columns {} repeat"
    named = some([display(each) for each in found], MOST_SHOWN)
    return f"{verb.format(named)} the label, value by value."
