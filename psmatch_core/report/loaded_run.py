"""LoadedRun: what the chapters of a report read: a run's folder, with its largest results loaded once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.monitor import MonitorReport, judge
from psmatch_core.pipeline.stage_keys import matching_key
from psmatch_core.translation.translate import TO_SOURCE
from psmatch_core.workspace import files
from psmatch_core.workspace.results import has_coupling, has_propensities, load_matching, load_models, side_names
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.classification.scored_modality import ScoredModality
    from psmatch_core.matching.coupling import Coupling


@dataclass(frozen=True)
class LoadedRun:
    """A run's folder, scored modalities, coupling and table of labels; None for what it does not have."""

    folder: RunFolder
    models: tuple[ScoredModality, ScoredModality] | None
    coupling: Coupling | None
    labels: pd.DataFrame | None

    @classmethod
    def load(cls, folder: RunFolder) -> LoadedRun:
        """The run in a folder, as far as it has come."""
        models = load_models(folder) if has_propensities(folder) else None
        coupling = load_matching(folder, models) if models is not None and has_coupling(folder) else None
        return cls(folder, models, coupling, files.LABELS.read(folder))

    def is_of_pixels(self, direction: str) -> bool:
        """Whether the features of a direction are the pixels of images, which nobody reads one by one."""
        if self.models is None:
            return False
        return self.models[direction == TO_SOURCE].modality.image_shape is not None

    def describe(self, direction: str) -> str:
        """A direction of translation with the names of the modalities."""
        source, target = (display(side_names(self.folder)[side], 24) for side in files.BOTH_SIDES)
        of, at = (target, source) if direction == TO_SOURCE else (source, target)
        return f"{of} features of {at} cells"

    @cached_property
    def judged(self) -> tuple[MonitorReport, str]:
        """What the matches are good for, and a remark.

        The report that was measured for this matching; else the one on losses and plan alone, and the remark says why.
        """
        assert self.coupling is not None
        losses_only = judge(self.coupling, made_of=matching_key(self.coupling, self.folder.recipe))
        try:
            measured = files.MONITOR_REPORT.read(self.folder)
        except PsmatchError as error:
            return losses_only, f"The measurements are not shown. {error.problem} {error.hint}"
        if measured is None:
            return losses_only, "Only the losses and the plan are judged. Measure the run on the Monitor page."
        if measured.made_of != losses_only.made_of:
            return losses_only, "The measurements belong to an earlier matching and are not shown."
        return measured, ""
