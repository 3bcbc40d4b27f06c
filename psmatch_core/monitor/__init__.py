"""What a matching is good for, without true pairs: losses, halves, hidden labels, a null, and a verdict per label."""

from psmatch_core.monitor.effect_agreement import EffectAgreement, effect_agreement
from psmatch_core.monitor.epsilon_by_information import EpsilonByInformation, epsilon_by_information
from psmatch_core.monitor.evidence import Evidence
from psmatch_core.monitor.flags import Flag, LabelFlag
from psmatch_core.monitor.halves import HalfScores, HalvesOf, can_halve, half_models, half_scores
from psmatch_core.monitor.hidden_labels import HiddenLabels, HiddenPair, find_hidden_labels
from psmatch_core.monitor.modality_agreement import Agreement, ModalityAgreement, modality_agreement
from psmatch_core.monitor.null import STATISTICS, Null, NullStatistic, label_null
from psmatch_core.monitor.report import REPRODUCIBLE, LabelEvidence, Monitoring, MonitorReport, SideEvidence, Verdict
from psmatch_core.monitor.run_figures import FIGURES, Figure, RunFigures, match_figures, score_figures
from psmatch_core.monitor.stability import Stability, fixed_spaces, match_stability
from psmatch_core.monitor.thresholds import THRESHOLDS, Thresholds
from psmatch_core.monitor.unseen_labels import UnseenLabels, unseen_labels
from psmatch_core.monitor.verdict import judge

__all__ = [
    "FIGURES",
    "REPRODUCIBLE",
    "STATISTICS",
    "THRESHOLDS",
    "Agreement",
    "EffectAgreement",
    "EpsilonByInformation",
    "Evidence",
    "Figure",
    "Flag",
    "HalfScores",
    "HalvesOf",
    "HiddenLabels",
    "HiddenPair",
    "LabelEvidence",
    "LabelFlag",
    "ModalityAgreement",
    "MonitorReport",
    "Monitoring",
    "Null",
    "NullStatistic",
    "RunFigures",
    "SideEvidence",
    "Stability",
    "Thresholds",
    "UnseenLabels",
    "Verdict",
    "can_halve",
    "effect_agreement",
    "epsilon_by_information",
    "find_hidden_labels",
    "fixed_spaces",
    "half_models",
    "half_scores",
    "judge",
    "label_null",
    "match_figures",
    "match_stability",
    "modality_agreement",
    "score_figures",
    "unseen_labels",
]
