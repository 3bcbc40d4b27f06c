"""Which evaluation of a run is shown first: that of held-out pairs, or the inflated one where there is no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from psmatch_core.evaluation.evaluate import EvaluationSummary
from psmatch_core.workspace import files
from psmatch_core.workspace.evaluations import load_evaluation
from psmatch_core.workspace.run_folder import RunFolder

MEANS = {"foscttm": 0.2, "rank": 0.1, "trace": 0.1, "trace_fold": 4.0}
INFLATED = EvaluationSummary(9, MEANS, MEANS, MEANS, MEANS, {})
HELD_OUT = replace(INFLATED, micro={**MEANS, "rank": 0.4})
TABLE = pd.DataFrame({"cell": ["a"], "label": ["A"]})


def test_held_out_pairs_come_first_and_the_inflated_figures_beside_them(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert load_evaluation(folder) is None
    files.EVALUATION.write(folder, INFLATED)
    files.EVALUATION_LABELS.write(folder, TABLE)
    older = load_evaluation(folder)
    assert older is not None
    assert (older.summary, older.is_held_out, len(older.labels)) == (INFLATED, False, 1)
    files.HELD_OUT_EVALUATION.write(folder, HELD_OUT)
    files.HELD_OUT_EVALUATION_LABELS.write(folder, pd.concat([TABLE, TABLE]))
    found = load_evaluation(folder)
    assert found is not None
    assert (found.summary, found.inflated, found.is_held_out) == (HELD_OUT, INFLATED, True)
    assert len(found.labels) == 2


def test_no_held_out_pair_leaves_the_others_and_no_pair_at_all_has_no_tables(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    files.EVALUATION.write(folder, INFLATED)
    files.HELD_OUT_EVALUATION.write(folder, replace(HELD_OUT, n_pairs=0))
    found = load_evaluation(folder)
    assert found is not None
    assert (found.summary, found.is_held_out) == (INFLATED, False)
    files.EVALUATION.write(folder, replace(INFLATED, n_pairs=0))
    files.EVALUATION_LABELS.write(folder, TABLE)
    none = load_evaluation(folder)
    assert none is not None
    assert (none.labels, none.cells) == (None, None)
