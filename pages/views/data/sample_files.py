"""A small sample file of each accepted format, to see the layout and to try the app."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from pages.shell.downloads import open_binary

FOLDER = Path(__file__).parents[3] / "static" / "samples"
SAMPLES = {
    "sample_rna.h5ad": "AnnData: counts of 20 genes in 60 cells, with the label in obs",
    "sample_protein.csv": "Table: one row per cell with its name, its label and 8 proteins",
    "sample_protein.tsv": "The same, separated by tabs",
    "sample_images.npz": "NumPy arrays: images, labels, obs_names",
}


def sample_files() -> None:
    """Download buttons for the samples, folded."""
    with st.expander("Sample files: accepted formats and their layout", icon=":material/description:"):
        for name, description in SAMPLES.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                st.download_button(
                    name, data=partial(open_binary, FOLDER / name), file_name=name, key=f"sample.{name}",
                    on_click="ignore", width=210,
                )  # fmt: skip
                st.caption(description, width="stretch")
        st.caption("Load the h5ad as modality 1 and the csv as modality 2: they have the same three labels.")
