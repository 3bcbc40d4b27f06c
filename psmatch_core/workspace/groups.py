"""Groups of cells of a run by a rule: a label, a verdict, a named selection, or a column that came with the cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.data.cell_rules import parse_rule
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.coupling import Coupling
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.selections import load_selections

LABEL, VERDICT, SELECTION = "label", "verdict", "selection"  # before columns of the file with these names
RULES = "label = STAT1, verdict = use, selection = responders, or a column of the cells such as donor in D1, D2"


def group_of(folder: RunFolder, coupling: Coupling, rule: str, side: str = "source") -> Selection:
    """The cells of one modality that meet a rule.

    Parameters
    ----------
    rule
        ``label``, ``verdict`` (of the label), ``selection`` (saved with the run) or a column that came with the cells,
        a comparison, and a value: see :mod:`psmatch_core.data.cell_rules`. A selection decides the side itself.

    Raises
    ------
    PsmatchError
        If the text is no rule, there is no such column or selection, or no cell meets it.
    """
    saved = {each.name: each for each in load_selections(folder, coupling)}
    model = coupling.source if side == "source" else coupling.target
    table = files.COLUMNS.read(folder, which=side)
    columns = {} if table is None else {str(name): table[name].reset_index(drop=True) for name in table}
    columns[LABEL] = pd.Series(model.modality.labels)
    columns[VERDICT] = pd.Series(_verdicts(folder, model.modality.labels))
    parsed = parse_rule(rule, [*columns, SELECTION])
    if parsed.column == SELECTION:
        name = parsed.values[0]
        if parsed.comparison not in ("=", "==") or name not in saved:
            raise PsmatchError(
                f"There is no selection {name!r} in this run.",
                hint=f"Selections: {some(saved, 12) or 'none'}. Draw one on Match and save it.",
            )
        return saved[name]
    cells = np.flatnonzero(parsed.met_by(columns[parsed.column]))
    if not cells.size:
        known = pd.unique(columns[parsed.column].astype(str))
        raise PsmatchError(
            f"No {model.modality.name} cell meets the rule {parsed.text}.", hint=f"Values: {some(known.tolist(), 12)}."
        )
    return Selection(side, cells, parsed.text, parsed.text)


def _verdicts(folder: RunFolder, labels: np.ndarray) -> list[str]:
    """The verdict on the label of each cell ``(n,)``; empty until the run is judged."""
    table = files.LABELS.read(folder)
    if table is None or VERDICT not in table:
        return [""] * labels.size
    by_label = dict(zip(table[LABEL].astype(str), table[VERDICT].astype(str), strict=True))
    return [by_label.get(label, "") for label in labels.tolist()]
