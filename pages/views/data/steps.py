"""The steps of the Data page: which one is shown, the list of all with what is done, and the way back and on."""

from __future__ import annotations

import streamlit as st

from pages.shell import session
from pages.shell.data_steps import DataStep
from pages.shell.places import in_own_place
from pages.shell.several import sides_of
from pages.shell.text import count, plain
from pages.shell.workspace import Workspace
from pages.views.data.labels import n_label_notes
from psmatch_core.data.sides import ALL_SIDES, SIDES

CURRENT, WANTED, MOVES = "data.step", "data.step.wanted", "data.step.moves"
HERE = "data-step-here"  # start of the key of the current step's button, for the style sheet
INTRODUCTIONS = {
    DataStep.FILES: "One file for each modality: the same perturbations or cell types, but other cells.",
    DataStep.LABELS: "Which column is the label, and do both files mean the same by its names? Cells are matched only "
    "within their label.",
    DataStep.VALUES: "Which values and cells are used, and how the values become features.",
    DataStep.JUDGE: "What will be run, and how the matches are judged.",
}
# A step begins at its top, for the eye and for the keyboard: the page scrolls there, and the title takes the focus.
_TO_TOP = """
export default function ({ data }) {
  if (data.moves <= (window.psmatchMoves || 0)) return;
  window.psmatchMoves = data.moves;
  const title = document.querySelector(".st-key-data-step-title :is(h2, h3)");
  if (title) { title.tabIndex = -1; title.style.outline = "none"; title.focus({ preventScroll: true }); }
  const list = document.querySelector(".st-key-data-steps");
  if (list) list.scrollIntoView({ block: "start" });
}
"""
_to_top = st.components.v2.component("psmatch_step_top", js=_TO_TOP)


def current_step() -> DataStep:
    """The step to draw; a link may ask for one."""
    asked = session.take_from_address(session.STEP_ASKED)
    if asked in list(DataStep):
        session.put(CURRENT, DataStep(asked))
    return DataStep(session.get(CURRENT) or DataStep.FILES)


def is_leaving() -> bool:
    """Whether the visitor has asked for another step; the current one is drawn once more to keep what was typed."""
    return session.get(WANTED) is not None


def step_list(current: DataStep, workspace: Workspace) -> None:
    """A button for each step, with what is done there."""
    with st.container(horizontal=True, key="data-steps", gap="small"):
        for each in DataStep:
            icon, state, more = _state(each, workspace)
            with st.container(key=f"{HERE if each is current else 'data-step-other'}-{each}", width="content"):
                st.button(
                    f"{each.number} {each.heading}{f' · {state}' if state else ''}",
                    key=f"data.step.{each}",
                    icon=icon,
                    help=more,
                    on_click=session.put,
                    args=(WANTED, each),
                )


def step_title(step: DataStep) -> None:
    """The title of a step and what it is for."""
    with st.container(key="data-step-title"):
        st.header(f"Step {step.number} of {len(DataStep)}: {step.heading}", anchor=False)
    st.markdown(INTRODUCTIONS[step])


@in_own_place
def show_question(step: DataStep, workspace: Workspace) -> None:
    """What is to be decided before a run can start."""
    has_both = workspace.source is not None and workspace.target is not None
    if workspace.missing and (has_both or step is not DataStep.FILES):  # its uploaders say what is missing there
        st.info(f"To continue: {plain(workspace.missing)}", icon=":material/arrow_forward:")


def step_buttons(step: DataStep, workspace: Workspace) -> None:
    """The way to the steps before and after, and to the one that asks for a decision; that one is the main button."""
    has_both = workspace.source is not None and workspace.target is not None
    asks = workspace.questions[0][0] if workspace.missing and (has_both or step is not DataStep.FILES) else None
    words = {step.before: ("Back", ":material/arrow_back:"), step.after: ("Next", ":material/arrow_forward:")}
    if asks is not step:
        words.setdefault(asks, (f"Go to step {asks.number}" if asks else "", ":material/arrow_forward:"))
    with st.container(horizontal=True, key="data-way"):
        for other, (word, icon) in words.items():
            if other is not None:
                st.button(
                    f"{word}: {other.heading}",
                    key=f"data.{word.split()[0].lower()}",
                    icon=icon,
                    type="primary" if other is asks else "secondary",
                    on_click=session.put,
                    args=(WANTED, other),
                )


def go_where_asked(step: DataStep) -> None:
    """Go to the step that was asked for, once all that was typed in this one is kept."""
    wanted = session.pop(WANTED)
    if wanted is not None and wanted is not step:
        session.put(CURRENT, wanted)
        session.put(MOVES, (session.get(MOVES) or 0) + 1)
        st.rerun()
    _to_top(key="data.step.top", data={"moves": session.get(MOVES) or 0}, height="content")


def _state(step: DataStep, workspace: Workspace) -> tuple[str, str, str]:
    """The icon of a step, its state in a word or two, and in a sentence."""
    sides = sides_of(workspace)
    asked = [text for place, text in workspace.questions if place is step]
    to_do = ":material/radio_button_unchecked:"
    if step is DataStep.FILES:
        icon = to_do if asked else ":material/check_circle:"
        of = len(ALL_SIDES if workspace.third is not None else SIDES)
        return icon, f"{len(sides)} of {of}", asked[0] if asked else f"All {of} files are loaded."
    if workspace.source is None or workspace.target is None:
        return to_do, "", "Load both files first."
    if asked:
        return ":material/help:", "to decide", asked[0]
    if step is DataStep.JUDGE:
        if workspace.run_id:
            return ":material/check_circle:", "", "The run of these data is open."
        return to_do, "", workspace.missing or "Nothing is left to decide: a run can start."
    report = workspace.report
    if step is DataStep.LABELS:
        if report is None:
            return to_do, "", ""
        notes, shared = n_label_notes(workspace), f"{len(report.shared):,} shared"
        if notes:
            said = f"Nothing must be decided; {count(notes, 'note')} on the labels to read."
            return ":material/info:", f"{shared}, {count(notes, 'note')}", said
        return ":material/check_circle:", shared, "Nothing is left to decide."
    return ":material/check_circle:", "", "Nothing is left to decide."
