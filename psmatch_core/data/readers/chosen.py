"""The part of an opened file, or of an object in memory, that is used as its settings say."""

from __future__ import annotations

from psmatch_core.data.bad_values import REFUSE
from psmatch_core.data.readers.base import Source
from psmatch_core.data.readers.chosen_cells import ChosenCells, JoinedLabelSource, NamedCells
from psmatch_core.data.readers.chosen_features import ChosenFeatures
from psmatch_core.data.readers.data_spec import NAME_ROLE, DataSpec
from psmatch_core.data.readers.label_table import LabelledSource


def as_chosen(source: Source, spec: DataSpec, *, memory_mb: int) -> Source:
    """What ``spec`` chooses of an opened file: names, labels, cells and features, in this order.

    Raises
    ------
    PsmatchError
        If a column, a rule or the table of labels does not fit the file.
    """
    named = next((name for name, role in spec.role_of.items() if role == NAME_ROLE), "")
    if named in source.column_names:
        source = NamedCells(source, named)
    if spec.labels_path:
        source = LabelledSource(source, spec, memory_mb)
    if spec.label_with:
        source = JoinedLabelSource(source, spec)
    if spec.cells:
        source = ChosenCells(source, spec.cells)
    if spec.roles or spec.bad_values != REFUSE:
        source = ChosenFeatures(source, spec)
    return source
