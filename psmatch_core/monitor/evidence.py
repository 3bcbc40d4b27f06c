"""Evidence: everything that was measured on a matching besides its losses, before anybody judges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from psmatch_core.monitor.epsilon_by_information import EpsilonByInformation
from psmatch_core.monitor.flags import LabelFlag
from psmatch_core.monitor.hidden_labels import HiddenLabels
from psmatch_core.monitor.modality_agreement import ModalityAgreement
from psmatch_core.monitor.null import Null
from psmatch_core.monitor.stability import Stability


@dataclass(frozen=True)
class Evidence:
    """What was measured; None where something was not.

    Parameters
    ----------
    cells, features
        Stability between halves of the cells, and between halves of the features.
    hidden
        Hidden labels found again.
    modalities
        Agreement of the two modalities.
    null
        Of shuffled labels.
    epsilon
        As sharp as the halves of the features support.
    data_flags
        Flags that come from the data: labels that a batch or a feature gives away.
    notes
        What was not measured, and why.
    """

    cells: Stability | None = None
    features: Stability | None = None
    hidden: HiddenLabels | None = None
    modalities: ModalityAgreement | None = None
    null: Null | None = None
    epsilon: EpsilonByInformation | None = None
    data_flags: Mapping[str, tuple[LabelFlag, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
