"""What a report is made of, loaded once: chapters take it and look for what they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psmatch_core.data.checks import display
from psmatch_core.report.page import Page
from psmatch_core.workspace.results import side_names
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.classification.scored_modality import ScoredModality
    from psmatch_core.matching.coupling import Coupling

SIDES = ("source", "target")


@dataclass(frozen=True)
class Content:
    """A run's folder, its scored modalities, its coupling and its table of labels; None where it has none."""

    folder: RunFolder
    models: tuple[ScoredModality, ScoredModality] | None
    coupling: Coupling | None
    labels: pd.DataFrame | None

    def way(self, direction: str) -> str:
        """A direction in words, with the names of the modalities."""
        names = {side: display(name, 24) for side, name in side_names(self.folder).items()}
        of, at = SIDES[::-1] if direction == "target_to_source" else SIDES
        return f"{names[of]} features of {names[at]} cells"


Chapter = Callable[[Content, Page], None]
