"""What each page will show once there are results."""

from __future__ import annotations

from pages.shell import session

WILL_SHOW = {
    "propensity": "how well each modality distinguishes the labels, with the loss during training, and a map of all "
    "cells by their scores",
    "match": "which cells match: the coupling of each label from sharp to smooth, two linked maps, and a table of all "
    "labels",
    "monitor": "what the matches of each label are good for, with the evidence, and a comparison of runs",
    "translate": "what cells would look like in the other modality, compared with what was measured",
    "evaluate": "how close the matches are to the true partners, compared with chance, if some pairs are known",
    "export": "the pairs, the coupling, the translations and a report, to download",
}


def will_show() -> str:
    """A sentence for the current page; empty for a page that needs no results."""
    found = WILL_SHOW.get(str(session.get("page") or ""))
    return f"This page will show {found}." if found else ""
