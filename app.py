"""Entry point of the app: the pages in the order of the work, nothing else."""

import streamlit as st

from pages._shared.navigation import boot

st.set_page_config(page_title="psmatch", page_icon="🧬", layout="wide")
boot().run()
