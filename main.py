"""The script of each visitor: the pages in the order of the work, nothing else."""

import streamlit as st

from pages.shell.navigation import ICON, LOGO, boot

st.set_page_config(page_title="psmatch", page_icon=str(ICON), layout="wide")
st.logo(str(LOGO), size="large", icon_image=str(ICON))
boot().run()
