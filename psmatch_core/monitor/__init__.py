"""Monitor: may a matching be believed where no true pair is known? Losses, stability, a null, a verdict in words."""

from psmatch_core.monitor.judgement import judge
from psmatch_core.monitor.null import STATISTICS, Null, NullStatistic, label_null
from psmatch_core.monitor.report import LabelEvidence, Monitoring, MonitorReport, SideEvidence
from psmatch_core.monitor.run_figures import FIGURES, Figure, RunFigures, match_figures, score_figures
from psmatch_core.monitor.stability import HalfScores, Stability, half_models, half_scores, match_stability
from psmatch_core.monitor.verdict import THRESHOLDS, WORDS, Verdict

__all__ = [
    "FIGURES",
    "STATISTICS",
    "THRESHOLDS",
    "WORDS",
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
    "Verdict",
    "half_models",
    "half_scores",
    "judge",
    "label_null",
    "match_figures",
    "match_stability",
    "score_figures",
]
