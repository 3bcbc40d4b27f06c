"""The settings of the matching: the method and its options."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.shell import cache, session
from pages.shell.forms import config_form, strategy_box
from pages.shell.text import plain
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.propensity import PropensityScores
from psmatch_core.matching.matchers import KnownPairsMatcher, Matcher
from psmatch_core.matching.offered import methods_that_cannot_work
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder


def matcher_settings(folder: RunFolder | None, *, has_pairs: bool) -> None:
    """The form; changes are saved in the workspace.

    Parameters
    ----------
    folder
        The current run: methods that cannot match its features are not offered, and the page says why.
    has_pairs
        Whether true pairs are known; otherwise cells cannot be matched by them.
    """
    workspace = session.workspace()
    unfit = _unfit(folder)
    kinds = {
        kind: text
        for kind, text in Matcher.menu().items()
        if kind not in unfit and (has_pairs or kind is not KnownPairsMatcher)
    }
    matcher = strategy_box(kinds, workspace.matcher, workspace.base.matcher, label="Method", name="matcher")
    if unfit:
        titles = Matcher.menu()
        reasons = "; ".join(f"{titles[kind].partition(':')[0]} – {reason}" for kind, reason in unfit.items())
        st.caption(plain(f"Not offered for these data: {reasons}", 600))
    matcher = config_form(matcher, workspace.base.matcher, name="matcher")
    linking = workspace.linking
    if matcher.uses_scores and isinstance(workspace.space, PropensityScores):
        linking = config_form(linking, workspace.base.linking, name="linking", more="How features are linked")
    session.set_workspace(replace(workspace, matcher=matcher, linking=linking))


def _unfit(folder: RunFolder | None) -> dict[type[Matcher], str]:
    if folder is None or not files.PROPENSITY.is_in(folder):
        return {}
    try:
        source, target = (model.modality for model in cache.scored_modalities(folder))
    except PsmatchError:  # shown below, where the results are
        return {}
    return methods_that_cannot_work(source, target)
