"""What each column and feature of a file is: proposed by name and content, and changed by the visitor."""

from __future__ import annotations

import streamlit as st

from pages.shell import session
from pages.shell.clicks import clicked
from pages.shell.name_search import OFFERED, matching_names
from pages.shell.places import in_own_place
from pages.shell.text import count, plain
from pages.shell.workspace import DEMO, Side
from pages.views.data.cell_samples import side_sample
from psmatch_core.base.errors import some
from psmatch_core.data.readers import FileSummary
from psmatch_core.data.readers.data_spec import ANNOTATION_ROLE, FEATURE_ROLE, IGNORED_ROLE, ROLES

PROPOSED = "as proposed"


@in_own_place
def roles_box(which: str, side: Side, summary: FileSummary) -> tuple[tuple[str, str], ...]:
    """The roles that were chosen; any column or feature is found by a part of its name."""
    if side.path.startswith(DEMO):
        return side.roles
    name = f"roles.{which}"
    key = session.widget_key(name)
    roles = side.spec.role_of
    left_out = _unmeasured_button(side, summary, key)
    with st.expander("What each column is" + (f": {count(len(roles), 'column')} changed" if roles else "")):
        st.caption("Features are compared by the classifiers, annotation is kept beside the cells, ignored is dropped.")
        known, first = _columns(which, side, summary)
        shown = first
        if len(known) > len(first):
            text = st.text_input(
                "Find a column or feature", key=f"{key}.text", placeholder="part of its name, such as GAPDH"
            )
            shown = matching_names(list(known), text) if text.strip() else first
            more = "; type more of the name to narrow the search" if text.strip() and len(shown) == OFFERED else ""
            st.caption(f"{len(shown):,} of {len(known):,} columns and features are listed{more}.")
            key = f"{key}.{text.strip()}"  # another table of rows: what was changed in this one stays with it
        changed = _edited(known, shown, roles, key)
        if roles and clicked("Reset all to the proposal", key=f"{name}.reset", icon=":material/undo:"):
            session.reset_widgets(name)  # the table would apply its changes again
            return ()
    kept = {each: role for each, role in roles.items() if each not in shown}
    return tuple(sorted({**kept, **changed, **dict.fromkeys(left_out, IGNORED_ROLE)}.items()))


@in_own_place
def _unmeasured_button(side: Side, summary: FileSummary, key: str) -> list[str]:
    """A button that ignores features named like positions and object numbers; these features, if it was pressed."""
    matrix = summary.matrix(side.matrix)
    asked = [each for each in (matrix.unmeasured if matrix else ()) if each not in side.spec.role_of]
    if not asked:
        return []
    names = some((plain(each, 30) for each in asked), 4)
    what = f"Leave out {count(len(asked), 'feature')} named like positions, numbers or embeddings"
    return asked if clicked(what, key=f"{key}.unmeasured", help=names, icon=":material/content_cut:") else []


def _columns(which: str, side: Side, summary: FileSummary) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Proposed role and content of all columns and features, and those that are listed before anything is typed."""
    matrix = summary.matrix(side.matrix)
    sample = side_sample(which, side)
    first = [*(matrix.unmeasured if matrix else ()), *(matrix.feature_names if matrix else ())]
    known = {each.name: (ANNOTATION_ROLE, each.kind) for each in summary.columns}
    listed = dict.fromkeys([*known, *first, *side.spec.role_of])
    for each in (*first, *(sample.names if sample else ())):
        known.setdefault(each, (FEATURE_ROLE, "numbers"))
    for each in side.spec.role_of:
        known.setdefault(each, ("", ""))
    known.pop(side.spec.label_name, None)
    return known, [each for each in listed if each in known]


def _edited(known: dict[str, tuple[str, str]], shown: list[str], roles: dict[str, str], key: str) -> dict[str, str]:
    """The roles of the shown columns after an edit of the table, without those that stay as proposed."""
    rows = [
        {
            "column": each,
            "use as": roles.get(each, PROPOSED),
            "proposed": known[each][0] or "–",
            "contains": known[each][1],
        }
        for each in shown
    ]
    if not rows:
        return {}
    edited = st.data_editor(
        rows,
        key=key,
        hide_index=True,
        disabled=("column", "proposed", "contains"),
        height=min(320, 38 + 35 * len(rows)),
        column_config={
            "column": st.column_config.TextColumn("column", width="small"),
            "use as": st.column_config.SelectboxColumn("use as", options=[PROPOSED, *ROLES], required=True),
        },
    )
    return {row["column"]: row["use as"] for row in edited if row["use as"] != PROPOSED}
