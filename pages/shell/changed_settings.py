"""Warn when the results on a page were computed with settings other than the current ones."""

from __future__ import annotations

import streamlit as st

from pages.shell.places import in_own_place
from pages.shell.text import plain
from pages.shell.workspace import Workspace
from psmatch_core.base.setting_words import differences
from psmatch_core.classification.baselines import JointVAE
from psmatch_core.workspace.run_folder import RunFolder

# First parts of the settings on which each stage depends.
TRAINED = (
    "source",
    "target",
    "source_preprocessing",
    "target_preprocessing",
    "labels",
    "space",
    "classifier",
    "scoring",
    "seed",
    "device",
)
MATCHED = (*TRAINED, "matcher", "linking")
TRANSLATED = (*MATCHED, "translator")
JUDGED = (*TRANSLATED, "judging")
# Settings that change no number: names everywhere, and the pair columns on pages that do not use known pairs.
NAME_SETTINGS = ("source.name", "target.name", "source.sha256", "target.sha256")
NAME_AND_PAIR_SETTINGS = (*NAME_SETTINGS, "source.pair_key", "target.pair_key")
MOST_NAMED = 4
# Names of the forms of settings, which start anew from those of a run that is opened.
SETTINGS_FORMS = ("preset", "space", "classifier", "scoring", "matcher", "linking", "translator", "seed", "device")


@in_own_place
def warn_of_changed_settings(
    folder: RunFolder,
    workspace: Workspace,
    parts: tuple[str, ...],
    action: str,
    *,
    ignored: tuple[str, ...] = NAME_AND_PAIR_SETTINGS,
) -> None:
    """Show a warning if the run's settings differ from the current ones.

    Parameters
    ----------
    parts
        First parts of the settings on which these results depend.
    action
        What to do about it.
    ignored
        Settings that change no number here.
    """
    if workspace.source is None or workspace.target is None:
        return
    if isinstance(folder.recipe.space, JointVAE) and isinstance(workspace.space, JointVAE):
        parts = tuple(part for part in parts if part not in ("classifier", "scoring"))  # the VAE does not use them
    changes = [each for each in differences(folder.recipe, workspace.recipe, only=parts) if each.name not in ignored]
    if not changes:
        return
    then = ", ".join(f"{each.title} = {each.before}" for each in changes[:MOST_NAMED])
    now = ", ".join(each.now for each in changes[:MOST_NAMED])
    more = f" and {len(changes) - MOST_NAMED} more" if len(changes) > MOST_NAMED else ""
    st.warning(
        f"**These results were computed with {plain(then)}{more}** (now {plain(now)}). → {action}",
        icon=":material/refresh:",
    )
