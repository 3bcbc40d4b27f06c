"""The settings of the matching: the method and its options."""

from __future__ import annotations

from dataclasses import replace

from pages.shell import session
from pages.shell.forms import config_form, strategy_box
from psmatch_core.matching.matchers import (
    ExactMatcher,
    FusedGromovMatcher,
    GromovMatcher,
    KnownPairsMatcher,
    LabeledCootMatcher,
    LabeledGromovMatcher,
    Matcher,
    NeighborMatcher,
    RandomMatcher,
    SharedSpaceMatcher,
    SinkhornMatcher,
    UnbalancedMatcher,
    UniformMatcher,
)

MATCHERS: dict[type[Matcher], str] = {
    SinkhornMatcher: "Entropic optimal transport (recommended)",
    NeighborMatcher: "Shared nearest neighbours",
    ExactMatcher: "Exact optimal transport",
    LabeledGromovMatcher: "Labeled Gromov-Wasserstein: distances within each modality, all labels at once",
    LabeledCootMatcher: "Labeled co-optimal transport: cells and features matched in turn, all labels at once",
    UnbalancedMatcher: "Unbalanced transport: cells without a good partner may stay unmatched",
    FusedGromovMatcher: "Fused Gromov-Wasserstein: scores and the geometry of each modality",
    GromovMatcher: "Gromov-Wasserstein (SCOT): only the geometry of each modality (baseline)",
    SharedSpaceMatcher: "Shared features: entropic transport if both modalities have the same features",
    UniformMatcher: "Uniform: equal weights within each label (baseline)",
    RandomMatcher: "Random: a random partner of the same label (baseline)",
    KnownPairsMatcher: "Known pairs (the truth, as an upper bound)",
}


def matcher_settings(*, has_pairs: bool) -> None:
    """The form; changes are saved in the workspace.

    Parameters
    ----------
    has_pairs
        Whether true pairs are known; otherwise cells cannot be matched by them.
    """
    workspace = session.workspace()
    kinds = {kind: text for kind, text in MATCHERS.items() if has_pairs or kind is not KnownPairsMatcher}
    matcher = strategy_box(kinds, workspace.matcher, workspace.base.matcher, label="Method", name="matcher")
    matcher = config_form(matcher, workspace.base.matcher, name="matcher")
    session.set_workspace(replace(workspace, matcher=matcher))
