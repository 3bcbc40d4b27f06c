"""Data: two files, and how their labels compare."""

import streamlit as st

from pages.shell import demos, given_files, session
from pages.shell.errors import show_errors
from pages.shell.frame import next_step, say_answer, start_page
from pages.shell.glossary import glossary
from pages.shell.text import plain
from pages.views.data.known_pairs import known_pairs_section
from pages.views.data.labels import label_comparison
from pages.views.data.match_button import match_button
from pages.views.data.run_list import run_list
from pages.views.data.sample_files import sample_files
from pages.views.data.side_form import side_form
from pages.views.data.third_modality import third_modality
from pages.views.data.value_pictures import value_pictures
from psmatch_core.data.labels.answers import answer_on_shared_labels

workspace = start_page("data", "What data do I have, and do both modalities use the same labels?")
given_files.open_once(workspace)
answer, own_work = st.container(), st.container()

with st.container():  # one place for what comes and goes here: else the uploaders below would be drawn anew
    is_empty = workspace.source is None and workspace.target is None
    is_returning = is_empty and bool(session.store().entries())
    if is_returning:  # their own work comes first
        with own_work:
            run_list()
    if is_empty:
        st.markdown(
            f"{'For new work, load' if is_returning else 'Load'} two files: cells measured in two modalities, with the "
            "same perturbations or cell types but not the same cells. New here? A demo fills every page with data "
            "whose true matches are known."
        )
    pressed = demos.demo_buttons(is_new=is_empty and not is_returning)
    if pressed:
        with show_errors(), st.spinner("Opening the demo…"):
            demos.open_demo(pressed)
            st.rerun()
    demos.compute_first_ahead()
    demos.show_state()
    sample_files()

left, right = st.columns(2, gap="large")
with left:
    side_form("source")
with right:
    side_form("target")

workspace = session.workspace()
if workspace.source is not None and workspace.target is not None and workspace.report is not None:
    with answer:
        say_answer(answer_on_shared_labels(workspace.report, (workspace.source.name, workspace.target.name)))
label_comparison(workspace)
known_pairs_section(workspace)
value_pictures(workspace)
if workspace.source is not None and workspace.target is not None and workspace.missing:
    st.info(f"To continue: {plain(workspace.missing)}", icon=":material/arrow_forward:")
match_button()
third_modality()
if not is_returning:
    run_list()
glossary()
next_step(
    "propensity",
    "Train one classifier per modality to predict the labels from the features.",
    is_ready=bool(workspace.run_id),
)
