"""label_outcomes: what became of each label of either modality, as users read it on Match and in ``labels.csv``."""

from __future__ import annotations

import pandas as pd

from psmatch_core.data.labels.shared_labels import LabelReport
from psmatch_core.matching.coupling import Coupling, Outcome
from psmatch_core.matching.effective_matches import effective_in_label
from psmatch_core.monitor import LabelEvidence, MonitorReport, Verdict
from psmatch_core.monitor.flags import flag_names

NOT_JUDGED = "not judged yet"  # instead of a verdict, while the monitor works


def label_outcomes(coupling: Coupling, labels: LabelReport, monitor: MonitorReport | None) -> pd.DataFrame:
    """One row for each label of either modality: cells, status, error, iterations, effective matches, verdict.

    Parameters
    ----------
    labels
        The labels of both modalities, also those of one only.
    monitor
        The verdicts; None as long as the matches are being judged.
    """
    rows = []
    for status in coupling.statuses:
        block = coupling.blocks.get(status.label)
        rows.append(
            {
                "label": status.label,
                "n_source": status.n_source,
                "n_target": status.n_target,
                "status": status.outcome.value,
                "needs_attention": status.outcome.needs_attention,
                "note": status.message,
                "marginal_error": status.marginal_error,
                "iterations": status.iterations,
                "epsilon": status.epsilon,
                "n_effective": effective_in_label(block).matches if block is not None else float("nan"),
                **_judged(monitor.by_label[status.label] if monitor is not None else None),
            }
        )
    kept = {status.label for status in coupling.statuses}
    unmatched = {
        label: (labels.source_counts.get(label, 0), labels.target_counts.get(label, 0))
        for label in sorted({*labels.source_counts, *labels.target_counts} - kept)
    }
    by_rule = {label: (n_source, n_target) for label, n_source, n_target in labels.left_out}
    for label, (n_source, n_target) in {**unmatched, **by_rule}.items():
        one_side = not (n_source and n_target)
        missing = Outcome.NO_COUNTERPART.value if one_side else "left out: too few cells"
        rows.append(
            {
                "label": label,
                "n_source": n_source,
                "n_target": n_target,
                "status": "left out by a label rule" if label in by_rule else missing,
                "needs_attention": label not in by_rule,
                "note": "",
                "marginal_error": float("nan"),
                "iterations": 0,
                "epsilon": float("nan"),
                "n_effective": float("nan"),
                **_judged(None),
                "verdict": Verdict.NOT_MATCHED.value,
            }
        )
    return pd.DataFrame(rows)


def _judged(row: LabelEvidence | None) -> dict[str, str | float]:
    """The verdict on a label as columns of a table."""
    if row is None:
        return {"verdict": NOT_JUDGED, "agreement": float("nan"), "flags": "", "reasons": "", "advice": ""}
    return {
        "verdict": row.verdict.value,
        "agreement": row.agreement,
        "flags": flag_names(row.flags),
        "reasons": "; ".join(row.reasons),
        "advice": "; ".join(row.advice),
    }
