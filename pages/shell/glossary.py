"""The terms of the app in plain language: used in hovers, and listed on the Data page."""

from __future__ import annotations

import streamlit as st

TERMS: dict[str, str] = {
    "modality": "One way of measuring cells, such as RNA or images. Each cell was measured in one modality.",
    "source and target": "The two modalities. Matches are listed for each source cell, among the target cells.",
    "label": "The perturbation or cell type of a cell. Cells are matched only within their label.",
    "propensity score": "The probability of each label, given a cell's features. Cells with similar scores match.",
    "held-out loss": "How badly the classifier predicts the labels of cells it was not trained on, in nats per cell "
    "(cross-entropy). Lower is better.",
    "label entropy": "The loss of a classifier that knows only how frequent each label is, in nats per cell. A "
    "modality whose held-out loss is not below it has learned nothing.",
    "nat": "The unit of loss and entropy. One nat less means that the right label was given e = 2.7 times the "
    "probability.",
    "calibration": "Whether stated confidence is right: of cells called 70% certain, 70% should be correct.",
    "coupling": "The table of all match weights: source cells in rows, target cells in columns. Also called the plan.",
    "weight": "The share of a source cell's mass on one target cell, 0 to 1.",
    "epsilon": "How spread out the matches are (regularisation): small is sharp, with few partners per cell; large is "
    "smooth, with many.",
    "effective matches": "How many target cells share a cell's weight, as exp(entropy): 1 for a single partner, and "
    "all candidates if the weights are equal.",
    "uniform": "The plan that gives all target cells of a label the same weight: the baseline for every method.",
    "known pairs": "Cells measured in both modalities. They are used to evaluate the result, never to compute it.",
    "FOSCTTM": "Fraction of samples closer than the true match: 0 is perfect, 0.5 is chance.",
    "translation": "Features of one modality predicted for the cells of the other: the average over a cell's matches.",
    "R² within labels": "Share of a feature's variance within labels that is predicted: 1 is perfect, 0 is no better "
    "than the mean of the cell's label, which needs no matching.",
}


def meaning(term: str) -> str:
    """The meaning of a term, for a hover."""
    return TERMS[term]


def glossary() -> None:
    """Show all terms, folded."""
    with st.expander("Glossary", icon=":material/menu_book:"):
        st.table({"Term": list(TERMS), "Meaning": list(TERMS.values())})
