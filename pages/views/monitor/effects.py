"""Whether the labels do the same in both modalities, by features and by unseen labels; compared when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import cache, session
from pages.shell.clicks import clicked
from pages.shell.errors import show_errors
from pages.shell.text import plain
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.monitor import EffectAgreement, UnseenLabels
    from psmatch_core.monitor.label_comparison import LabelComparison

WHAT = (
    "The effect of a label is how the mean of its cells differs from that of all labels, in units of the variation "
    "within labels. No classifier takes part. If both modalities see the same effects, labels that are alike in one "
    "are alike in the other, and the effect of a label can be predicted from the other modality by a model that has "
    "never seen the label. If each modality sees effects of its own, the losses can be good and the matches wrong."
)


UNSEEN = (
    "The same question to classifiers: a ridge regression is trained without each label in turn, on at most 100 cells "
    "a label, and asked which other labels it takes the label's cells for. If the labels do the same in both "
    "modalities, the answers agree. It takes seconds, minutes with hundreds of labels."
)


def effects_tab(folder: RunFolder) -> None:
    """Two comparisons of the labels between the modalities: a button for each, and what was found."""
    st.markdown(WHAT)
    _when_asked(folder, "effects", "Compare the effects of the labels", ":material/compare_arrows:", _effects)
    st.markdown(UNSEEN)
    _when_asked(folder, "unseen", "Ask about unseen labels", ":material/visibility_off:", _unseen)


def _when_asked(
    folder: RunFolder,
    name: str,
    button: str,
    icon: str,
    compare: Callable[[str, tuple[int, ...]], LabelComparison],
) -> None:
    asked = f"{name}.asked.{folder.id}"
    if not session.get(asked):
        if clicked(button, key=f"{name}.{folder.id}", icon=icon):
            session.put(asked, True)
            st.rerun()
        return
    with show_errors():
        found = compare(str(folder.path), files.PROPENSITY.times(folder))
        st.markdown(f"**{plain(found.finding())}**")
        for remark in found.remarks():
            st.caption(plain(remark))


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Comparing the effects of the labels…")
def _effects(path: str, times: tuple[int, ...]) -> EffectAgreement:
    from psmatch_core.workspace.results import effects_of

    return effects_of(RunFolder(Path(path)))


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Training classifiers without each label…")
def _unseen(path: str, times: tuple[int, ...]) -> UnseenLabels:
    from psmatch_core.workspace.results import unseen_of

    return unseen_of(RunFolder(Path(path)))
