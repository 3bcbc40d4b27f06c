"""Data: two files, and how their labels compare, in steps."""

import streamlit as st

from pages.shell import demos, given_files, session
from pages.shell.data_steps import DataStep
from pages.shell.errors import show_errors
from pages.shell.frame import finish_page, next_step, say_answer, start_page
from pages.shell.glossary import glossary
from pages.shell.opened_results import opened_box
from pages.shell.places import own_place
from pages.shell.several import has_own_work
from pages.views.data.open_result import open_result_box
from pages.views.data.run_list import run_list
from pages.views.data.sample_files import sample_files
from pages.views.data.several_list import several_list
from pages.views.data.step_views import STEP_VIEWS
from pages.views.data.steps import current_step, go_where_asked, step_list, step_title
from psmatch_core.data.labels.answers import answer_on_shared_labels

workspace = start_page("data", "What data do I have, and do both modalities use the same labels?")
given_files.open_once(workspace)
step = current_step()
answer, own_work, steps = own_place(), own_place(), st.container()

with own_place():
    is_empty = workspace.source is None and workspace.target is None
    is_returning = is_empty and step is DataStep.FILES and has_own_work()
    if is_returning:  # their own work comes first
        with own_work:
            run_list()
            several_list()
    step_title(step)
    if step is DataStep.FILES:
        with own_place():
            if is_empty:
                st.markdown("New here? A demo fills every page with data whose true matches are known.")
        pressed = demos.demo_buttons(is_new=is_empty and not is_returning)
        if pressed:
            with show_errors(), st.spinner("Opening the demo…"):
                demos.open_demo(pressed)
                st.rerun()
        demos.compute_first_ahead()
    with own_place():
        if step is DataStep.FILES or not workspace.run_id:  # one that is still being computed opens from any step
            demos.show_state()
    if step is DataStep.FILES:
        opened = session.current_run()
        with own_place():
            if opened is not None:
                opened_box(opened)
        open_result_box()
        sample_files()

STEP_VIEWS[step]()
workspace = session.workspace()
with steps:  # drawn last, when all files are inspected
    step_list(step, workspace)
if workspace.source is not None and workspace.target is not None and workspace.report is not None:
    with answer:
        say_answer(answer_on_shared_labels(workspace.report, (workspace.source.name, workspace.target.name)))
with own_place():
    if step is DataStep.FILES and not is_returning:
        run_list()
        several_list()
glossary()
go_where_asked(step)
if step is DataStep.JUDGE or workspace.run_id:
    next_step(
        "propensity",
        "Train one classifier per modality to predict the labels from the features.",
        is_ready=bool(workspace.run_id),
    )
else:
    finish_page()
