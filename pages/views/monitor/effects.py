"""Whether the labels do the same in both modalities, by their features; compared when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.shell import cache, session
from pages.shell.errors import show_errors
from pages.shell.text import plain
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.monitor import EffectAgreement

WHAT = (
    "The effect of a label is how the mean of its cells differs from that of all labels, in units of the variation "
    "within labels. No classifier takes part. If both modalities see the same effects, labels that are alike in one "
    "are alike in the other, and the effect of a label can be predicted from the other modality by a model that has "
    "never seen the label. If each modality sees effects of its own, the losses can be good and the matches wrong."
)


def effects_tab(folder: RunFolder) -> None:
    """A button that compares the effects, and what was found."""
    st.markdown(WHAT)
    asked = f"effects.asked.{folder.id}"
    if not session.get(asked):
        if st.button("Compare the effects of the labels", key=f"effects.{folder.id}", icon=":material/compare_arrows:"):
            session.put(asked, True)
            st.rerun()
        return
    with show_errors():
        found = _effects(str(folder.path), files.PROPENSITY.times(folder))
        st.markdown(f"**{plain(found.finding())}**")
        for remark in found.remarks():
            st.caption(plain(remark))


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Comparing the effects of the labels…")
def _effects(path: str, times: tuple[int, ...]) -> EffectAgreement:
    from psmatch_core.workspace.results import effects_of

    return effects_of(RunFolder(Path(path)))
