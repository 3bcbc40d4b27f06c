"""Monitor: may a matching be believed where no true pair is known? Losses, stability, a null, a verdict in words."""

from psmatch_core.monitor.judgement import judge
from psmatch_core.monitor.null import STATISTICS, Null, NullStatistic, label_null
from psmatch_core.monitor.observables import observables
from psmatch_core.monitor.report import LabelEvidence, Monitoring, MonitorReport, SideEvidence
from psmatch_core.monitor.stability import HalfScores, Stability, half_models, half_scores, match_stability
from psmatch_core.monitor.verdict import THRESHOLDS, WORDS, Verdict

__all__ = [
    "STATISTICS",
    "THRESHOLDS",
    "WORDS",
    "HalfScores",
    "LabelEvidence",
    "MonitorReport",
    "Monitoring",
    "Null",
    "NullStatistic",
    "SideEvidence",
    "Stability",
    "Verdict",
    "half_models",
    "half_scores",
    "judge",
    "label_null",
    "match_stability",
    "observables",
]
