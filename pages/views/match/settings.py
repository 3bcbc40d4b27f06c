"""The settings of the matching: the method and its options."""

from __future__ import annotations

from dataclasses import replace

from pages.shell import session
from pages.shell.forms import config_form, strategy_box
from psmatch_core.matching.matchers import KnownPairsMatcher, Matcher


def matcher_settings(*, has_pairs: bool) -> None:
    """The form; changes are saved in the workspace.

    Parameters
    ----------
    has_pairs
        Whether true pairs are known; otherwise cells cannot be matched by them.
    """
    workspace = session.workspace()
    kinds = {kind: text for kind, text in Matcher.menu().items() if has_pairs or kind is not KnownPairsMatcher}
    matcher = strategy_box(kinds, workspace.matcher, workspace.base.matcher, label="Method", name="matcher")
    matcher = config_form(matcher, workspace.base.matcher, name="matcher")
    session.set_workspace(replace(workspace, matcher=matcher))
