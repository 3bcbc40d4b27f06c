"""What a run would use of both files: a table to check before it starts."""

from __future__ import annotations

import streamlit as st

from pages.shell.places import in_own_place
from pages.shell.several import sides_of
from pages.shell.text import plain
from pages.shell.workspace import Side, Workspace
from psmatch_core.base.setting_words import option_title, same_value, value_words
from psmatch_core.data.checks import display
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.sides import ALL_SIDES
from psmatch_core.pipeline.preset_words import preset_in_words

MOST_SETTINGS = 4


@in_own_place
def choices_table(workspace: Workspace) -> None:
    """One row for each thing that was chosen, one column for each modality."""
    if workspace.source is None or workspace.target is None:
        return
    sides = sides_of(workspace)
    rows = [_choices(side) for side in sides]
    names = [display(side.name, 40) or which for side, which in zip(sides, ALL_SIDES, strict=False)]
    if len(set(names)) < len(names):  # to be told apart before a run can start
        names = [f"{name} ({which})" for name, which in zip(names, ALL_SIDES, strict=False)]
    table = {"": [f"**{each}**" for each in rows[0]]}
    table |= {plain(name): [plain(each) for each in row.values()] for name, row in zip(names, rows, strict=True)}
    st.table(table)
    if not workspace.missing:
        st.caption(f"Method: {plain(preset_in_words(workspace.recipe))}. Change it on Propensity and Match.")


def _choices(side: Side) -> dict[str, str]:
    spec, summary = side.spec, side.summary
    matrix = summary.matrix(side.matrix) if summary else None
    column = side.label_column
    labels = f" ({column.n_distinct:,} in the file)" if column is not None else ""
    return {
        "File": display(side.shown, 60),
        "Cells": f"{summary.n_cells:,}" if summary else "–",
        "Values": f"{display(side.matrix)}: {matrix.size_text}" if matrix else display(side.matrix),
        "Label": f"{display(spec.label_name, 60)}{labels}" if side.label_key else "not chosen yet",
        "Rules for cells": "; ".join(side.cells) or "none",
        "Preprocessing": _changed(side.preprocessing),
    }


def _changed(chosen: Preprocessing) -> str:
    """The settings that are not at their defaults."""
    usual, options = Preprocessing(), Preprocessing.options()
    changed = [
        f"{option_title(name, option).lower()} {value_words(getattr(chosen, name))}"
        for name, option in options.items()
        if not same_value(getattr(chosen, name), getattr(usual, name))
    ]
    more = f" and {len(changed) - MOST_SETTINGS} more" if len(changed) > MOST_SETTINGS else ""
    return f"{', '.join(changed[:MOST_SETTINGS])}{more}" if changed else "automatic, by the kind of values"
