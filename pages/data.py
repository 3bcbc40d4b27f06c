"""Data: two files, their labels brought together."""

import streamlit as st

from pages.shell import demos, session
from pages.shell.errors import told
from pages.shell.frame import begin, next_step
from pages.shell.glossary import glossary
from pages.shell.text import plain
from pages.views.data.labels import label_panel
from pages.views.data.run_list import run_list
from pages.views.data.sample_files import samples
from pages.views.data.side_form import side_form

workspace = begin("data", "What do I have, and do the two sides speak of the same labels?")

if workspace.source is None and workspace.target is None:
    st.markdown(
        "Load cells of two modalities, measured on different cells with the same perturbations or cell types. "
        "New here? A demo shows every page with data whose answer is known."
    )
asked = demos.demo_buttons(is_new=workspace.source is None and workspace.target is None)
if asked:
    with told(), st.spinner("Opening the demo…"):
        demos.open_demo(asked)
        st.rerun()
demos.prepare_ahead()
demos.waiting()
samples()

left, right = st.columns(2, gap="large")
with left:
    side_form("source")
with right:
    side_form("target")

workspace = session.workspace()
label_panel(workspace)
if workspace.source is not None and workspace.target is not None and workspace.missing:
    st.info(f"One more thing: {plain(workspace.missing)}", icon=":material/arrow_forward:")
run_list()
glossary()
next_step("propensity", "Train one classifier a modality to tell the labels from the features.")
