"""Data: two files, their labels brought together."""

import streamlit as st

from pages._shared import session
from pages._shared.errors import told
from pages._shared.frame import begin, next_step
from pages._shared.label_panel import label_panel
from pages._shared.run_list import run_list
from pages._shared.side_file import demo_side
from pages._shared.side_form import side_form
from pages._shared.text import plain
from pages._shared.workspace import Workspace

workspace = begin("data", "What do I have, and do the two sides speak of the same labels?")

if workspace.source is None and workspace.target is None:
    st.markdown(
        "Load cells of two modalities, measured on different cells with the same perturbations or cell types. "
        "New here? A demo shows every page with data whose answer is known."
    )
with st.container(horizontal=True):
    asked = ""
    if st.button(
        "Demo: perturbation screen", icon=":material/science:", help="Synthetic: RNA and image, 12 perturbations."
    ):
        asked = "screen"
    if st.button(
        "Demo: blood cells", icon=":material/bloodtype:", help="700 real cells, their genes cut into two panels."
    ):
        asked = "pbmc"
    if st.button(
        "Demo: images",
        icon=":material/image:",
        help="Synthetic: two objects under 12 interventions, circles or squares.",
    ):
        asked = "images"
if asked:
    with told(), st.spinner("Making the demo (some seconds, once)…"):
        session.keep(Workspace(source=demo_side(asked, "source"), target=demo_side(asked, "target")))
        for name in ("side.source", "side.target", "prep-source", "prep-target", "labels.minimum"):
            session.renew(name)
        session.hush("source")
        session.hush("target")
        st.rerun()

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
next_step("propensity", "Train one classifier a modality to tell the labels from the features.")
