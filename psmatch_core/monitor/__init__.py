"""Whether a matching can be trusted without true pairs: losses, stability, a null of shuffled labels, and a verdict."""

from psmatch_core.monitor.null import STATISTICS, Null, NullStatistic, label_null
from psmatch_core.monitor.report import LabelEvidence, Monitoring, MonitorReport, SideEvidence, Verdict
from psmatch_core.monitor.run_figures import FIGURES, Figure, RunFigures, match_figures, score_figures
from psmatch_core.monitor.stability import HalfScores, Stability, half_models, half_scores, match_stability
from psmatch_core.monitor.thresholds import THRESHOLDS, Thresholds
from psmatch_core.monitor.verdict import judge

__all__ = [
    "FIGURES",
    "STATISTICS",
    "THRESHOLDS",
    "Figure",
    "HalfScores",
    "LabelEvidence",
    "MonitorReport",
    "Monitoring",
    "Null",
    "NullStatistic",
    "RunFigures",
    "SideEvidence",
    "Stability",
    "Thresholds",
    "Verdict",
    "half_models",
    "half_scores",
    "judge",
    "label_null",
    "match_figures",
    "match_stability",
    "score_figures",
]
