"""Batches of two modalities: where they differ, standardising within them is offered; where equal, matching within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psmatch_core.base.errors import plural
from psmatch_core.data.assays import IMAGES, PEAKS
from psmatch_core.data.checks import Finding, display, label_texts, name_list
from psmatch_core.data.checks.repeated_label import repeating_columns
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.proposals import Proposal, control_labels, plate_column
from psmatch_core.data.readers.data_spec import JOINED_NAME
from psmatch_core.data.readers.summary import FileSummary

CONFOUNDED_CODE = "PM-L24"  # a column names the label: within its batches nothing of the labels would be left


@dataclass(frozen=True)
class Batches:
    """The batches of one modality.

    Parameters
    ----------
    name
        Of the modality.
    column
        The column that names them.
    values
        Their names, sorted.
    controls
        Labels of control cells.
    """

    name: str
    column: str
    values: tuple[str, ...]
    controls: tuple[str, ...]


def batches_of_file(summary: FileSummary, labels: Mapping[str, int]) -> Batches | None:
    """The batches that a file names; None if none, if its label is made of them, or if they name or repeat the label.

    Parameters
    ----------
    labels
        Cells of each label [cells].
    """
    column = plate_column({each.name: each.n_distinct for each in summary.columns})
    found = summary.column(column)
    if found is None or _is_no_use(column, summary.label_key, summary.findings):
        return None
    if column in repeating_columns(summary, summary.label_key):
        return None
    return Batches(summary.name, column, tuple(sorted(found.counts)), control_labels(labels))


def batches_of_modality(modality: Modality) -> Batches | None:
    """The same of a modality."""
    if modality.obs is None:
        return None
    column = plate_column({str(each): modality.obs[each].nunique() for each in modality.obs.columns})
    if not column or _is_no_use(column, modality.label_key, modality.findings):
        return None
    texts = label_texts(modality.obs[column]).tolist()
    values = {str(each) for each in texts if each}
    if len(set(zip(modality.labels.tolist(), texts, strict=True))) == len(values) == len(modality.label_counts):
        return None
    return Batches(modality.name, column, tuple(sorted(values)), control_labels(modality.label_counts))


def propose_within_batches(
    own: Batches | None, other: Batches | None, found: Proposal, current: Preprocessing
) -> Proposal | None:
    """Standardising within batches, for a modality whose batches the other one does not have; None if it does not suit.

    It is not offered for images, for peaks (whose values would no longer be sparse), where the proposal for the assay
    has it, and where features are standardised within batches already.

    Parameters
    ----------
    own, other
        The batches of the modality and of the other one.
    found
        What is proposed for its assay.
    current
        Its settings.
    """
    has_it = current.batch_scaling != "none" or "batch_scaling" in dict(found.changes)
    if own is None or has_it or found.assay in (IMAGES, PEAKS) or _coincide(own, other):
        return None
    by = f"the controls ({name_list(own.controls, 2)})" if own.controls else "all cells"
    which = f"{display(own.column, 24)}: {name_list(own.values, 2)}"
    reason = (
        f"{display(own.name, 24)} has {len(own.values)} batches ({which}), and the other modality has not the same: "
        f"z-scores within each against {by} cancel what shifts a whole batch, and part of what distinguishes labels "
        "that batches do not share."
    )
    changes = (("batch_scaling", "z"), ("batch_key", own.column), ("batch_controls", own.controls))
    return Proposal("batches", reason, changes, found.automatic)


def shared_batches_note(own: Batches | None, other: Batches | None) -> str:
    """How cells can be matched within batches that both modalities name; empty if they name no common ones."""
    if own is None or other is None or not _coincide(own, other):
        return ""
    how = f"source.label_with={own.column}, target.label_with={other.column}"
    return (
        f"Both modalities name the same {plural(len(own.values), 'batch', 'batches')} ({name_list(own.values, 3)}). A "
        f"label made of label and batch ({how}) matches cells within their batch: cells of different batches then "
        "never match, classifiers distinguish batches too, and each label is split into smaller groups. Not applied."
    )


def _coincide(own: Batches, other: Batches | None) -> bool:
    return other is not None and own.values == other.values


def _is_no_use(column: str, label_key: str, findings: Sequence[Finding]) -> bool:
    return column in label_key.split(JOINED_NAME) or any(each.code == CONFOUNDED_CODE for each in findings)
