"""A small file of each accepted format to download: how a file should look, and something to try the app with."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from pages.views.export.overview import opened

FOLDER = Path(__file__).parents[3] / "static" / "samples"
SAMPLES = {
    "sample_rna.h5ad": "AnnData: counts of 20 genes in 60 cells, the label in obs",
    "sample_protein.csv": "table: a row a cell, its name, its label, 8 proteins",
    "sample_protein.tsv": "the same with tabs",
    "sample_images.npz": "numpy arrays: images, labels, obs_names",
}


def samples() -> None:
    """The samples, folded."""
    with st.expander("Sample files: what is accepted, and how it should look", icon=":material/description:"):
        for name, what in SAMPLES.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                st.download_button(
                    name, data=partial(opened, FOLDER / name), file_name=name, key=f"sample.{name}",
                    on_click="ignore", width=210,
                )  # fmt: skip
                st.caption(what, width="stretch")
        st.caption("Load the h5ad as modality 1 and the csv as modality 2: they hold the same three labels.")
