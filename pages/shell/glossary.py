"""The words of the app in plain language: declared once, shown in hovers and as the glossary of the Data page."""

from __future__ import annotations

import streamlit as st

TERMS: dict[str, str] = {
    "modality": "One way of measuring cells, such as RNA or images. Each cell was measured in one of them.",
    "source and target": "The two modalities. Matches are read from a source cell to the target cells.",
    "label": "The perturbation or cell type of a cell. Cells are matched within a label only.",
    "propensity score": "How likely each label is for a cell, given its features. Cells alike in it are matched.",
    "held-out loss": "How surprised the classifier is by labels of cells that it did not train on, in nats a cell. "
    "Lower is better.",
    "label entropy": "The loss of knowing only how frequent the labels are, in nats. A held-out loss that is not below "
    "it has learned nothing.",
    "nat": "The unit of loss and entropy: being one nat more certain means being e = 2.7 times as likely to be right.",
    "calibration": "Whether stated confidence is true: of cells said to be 70 % sure, 70 % should be right.",
    "coupling": "The table of all weights: source cells down, target cells across. Also called plan.",
    "weight": "Share of a source cell's mass that lies on one target cell, 0 to 1. The app's measure of confidence in "
    "a pair.",
    "epsilon": "How many partners a cell may have: small is sharp, large is smooth.",
    "effective matches": "How many target cells share a cell's weight, as exp(entropy): 1 where it has one partner, "
    "all candidates where none is told from another.",
    "uniform": "The plan in which all target cells of the label are alike. What any matching must beat.",
    "known pairs": "Cells measured in both modalities. They judge the result and are never matched on.",
    "FOSCTTM": "Fraction of samples closer than the true match: 0 is perfect, 0.5 is chance.",
    "translation": "Features of one modality predicted at the cells of the other: the average over a cell's matches.",
    "R²": "Share of a feature's spread that is predicted: 1 is perfect, 0 as good as the feature's mean.",
}


def meaning(term: str) -> str:
    """What a term means, for a hover."""
    return TERMS[term]


def glossary() -> None:
    """All terms, folded."""
    with st.expander("Words used here", icon=":material/menu_book:"):
        st.table({"Word": list(TERMS), "Meaning": list(TERMS.values())})
