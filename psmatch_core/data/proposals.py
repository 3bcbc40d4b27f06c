"""The preprocessing that suits an assay: proposed with one sentence why, and never applied unasked.

The Data page, ``inspect``, ``match``, the notes of a run and :func:`propose_preprocessing` show the same proposals.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psmatch_core.base.setting_words import option_title
from psmatch_core.data.assays import COUNTS, EMBEDDING, GENES, IMAGES, MORPHOLOGY, PEAKS, PROTEINS, Assay, detect_assay
from psmatch_core.data.checks import display, name_list
from psmatch_core.data.checks.value_kinds import Kind, kind_of
from psmatch_core.data.modality import Modality
from psmatch_core.data.names.controls import controls_among
from psmatch_core.data.normalisation import automatic
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers.summary import ColumnSummary, MatrixSummary

LSI_COMPONENTS = 50  # as Signac and muon make by default
NOT_LOGGED = "normalized"  # the kind of TPM, CPM and other values that no logarithm was taken of
_LOGGED_BY = {GENES: "log1p", PROTEINS: "clr"}
LARGEST_CORRELATION = 0.9  # pycytominer's own
_BATCH = re.compile(r"(?i)(metadata_)?(\w+_)?batch([-_ .]?(id|name|nr|no))?")
_PLATE = re.compile(rf"(?i)(metadata_)?(\w+_)?plate([-_ .]?(id|name|nr|no|barcode))?|{_BATCH.pattern[4:]}")


@dataclass(frozen=True)
class Proposal:
    """A preprocessing that suits what a matrix measures.

    Parameters
    ----------
    assay
        What it measures, such as ``proteins``.
    reason
        What was seen and what is proposed, in one sentence.
    changes
        Options of :class:`Preprocessing` and the proposed value.
    automatic
        What ``auto`` does with these values.
    """

    assay: str
    reason: str
    changes: tuple[tuple[str, Any], ...]
    automatic: str

    def open_changes(self, current: Preprocessing) -> dict[str, Any]:
        """The proposed values in which the current settings differ; none if these do the same."""
        does = replace(current, normalize=self.automatic) if current.normalize == "auto" else current
        return {name: value for name, value in self.changes if getattr(does, name) != value}

    def applied_to(self, current: Preprocessing) -> Preprocessing:
        """The current settings with the proposed ones."""
        return replace(current, **self.open_changes(current))

    def settings(self, current: Preprocessing, side: str) -> list[str]:
        """The open changes as ``--set`` takes them, such as ``target_preprocessing.normalize=clr``, shell-quoted."""
        texts = (f"{side}_preprocessing.{name}={_typed(value)}" for name, value in self.open_changes(current).items())
        return [shlex.quote(each) for each in texts]

    def note(self, current: Preprocessing, side: str) -> str:
        """The proposal in one line, with what to type; empty if the current settings do the same."""
        typed = self.settings(current, side)
        return f"{self.reason} Not applied; to apply it: {' '.join(f'--set {each}' for each in typed)}" if typed else ""

    def button(self, current: Preprocessing) -> str:
        """What a button that applies it says; empty if the current settings do the same."""
        found, options = self.open_changes(current), Preprocessing.options()
        words = ", ".join(f"{option_title(name, options[name]).lower()} {_typed(found[name])}" for name in found)
        return f"Use {words}" if words else ""


def propose_preprocessing(modality: Modality) -> Proposal:
    """The preprocessing that suits a modality, by its features and values; ``applied_to`` gives the settings.

    Nothing is changed here: ``Recipe(source_preprocessing=proposal.applied_to(Preprocessing()))`` uses it.

    Returns
    -------
    What the values are taken for, the proposed settings, and one sentence why.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> psmatch.propose_preprocessing(source).reason
    'These are counts of genes (gene_000, gene_001): they are brought to equal library size and log-transformed.'
    """
    scan = modality.scan
    names = modality.var_names.tolist()
    declared = modality.facts.declared_assay if modality.facts else ""
    assay = detect_assay(scan, names, declared=declared, are_pixels=modality.image_shape is not None)
    columns = {} if modality.obs is None else {str(each): modality.obs[each].nunique() for each in modality.obs.columns}
    return _proposal(
        assay,
        kind_of(scan),
        names,
        _Groups(plate_column(columns), control_labels(modality.label_counts)),
        n_features=modality.n_features,
    )


def proposal_for(
    matrix: MatrixSummary, columns: Sequence[ColumnSummary] = (), labels: Mapping[str, int] | None = None
) -> Proposal | None:
    """The same for a matrix of a file; None if the matrix cannot be used.

    Parameters
    ----------
    columns
        The columns of the file, of which one may name plates.
    labels
        Cells of each label, of which some may be controls [cells].
    """
    if matrix.assay is None:
        return None
    groups = _Groups(plate_column({each.name: each.n_distinct for each in columns}), control_labels(labels or {}))
    return _proposal(
        matrix.assay, Kind(matrix.kind, matrix.reason), matrix.feature_names, groups, n_features=matrix.n_features
    )


@dataclass(frozen=True)
class _Groups:
    """The column that names plates, if there are several, and the labels that are controls."""

    plates: str
    controls: tuple[str, ...]


def plate_column(columns: Mapping[str, int]) -> str:
    """The column that names the plate of a cell; empty if none does, or all cells are of one plate."""
    found = [name for name, n_values in columns.items() if n_values > 1 and _PLATE.fullmatch(name)]
    return min(found, key=lambda name: (_BATCH.fullmatch(name) is not None, len(name)), default="")


def control_labels(labels: Mapping[str, int]) -> tuple[str, ...]:
    """The labels that are controls by their names, sorted."""
    return tuple(sorted(controls_among(labels)))


def _proposal(assay: Assay, kind: Kind, names: Sequence[str], groups: _Groups, *, n_features: int) -> Proposal:
    """The rule: what is proposed for each assay."""
    shown = ", ".join(display(each, 24) for each in names[:2])
    changes: dict[str, Any] = {"normalize": "none"}
    if assay.name == IMAGES:
        changes, reason = (
            {},
            "Images are used as they are: the network learns its own features, so nothing is scaled here.",
        )
    elif assay.name == EMBEDDING:
        reason = f"The features look like an embedding ({shown}): they are used as they are."
    elif assay.name == MORPHOLOGY and assay.is_raw:
        changes |= {
            "batch_scaling": "robust z",
            "batch_key": groups.plates,
            "batch_controls": groups.controls,
            "largest_correlation": LARGEST_CORRELATION,
        }
        by = f"the controls ({name_list(groups.controls, 2)})" if groups.controls else "all cells"
        where = f"{by} of each {display(groups.plates, 24)}" if groups.plates else by
        reason = (
            f"These are morphology features ({shown}): robust z-scores against {where} cancel plate effects, outliers "
            "are clipped, and features that repeat another are left out."
        )
    elif assay.name == MORPHOLOGY:
        reason = f"These morphology features ({shown}) are standardised already: they stay as they are."
    elif kind.name == NOT_LOGGED and assay.name in _LOGGED_BY:
        changes = {"normalize": _LOGGED_BY[assay.name]}
        reason = (
            f"These values of {assay.name} ({shown}) are not on a log scale ({kind.reason}), so that a few large ones "
            f"outweigh the rest: {_LOGGED_BY[assay.name]} brings cells to equal size and takes the logarithm."
        )
    elif not assay.is_raw:
        reason = f"The values are not counts ({kind.reason}), so they are not normalised again."
        if kind.name == NOT_LOGGED:
            reason += " Choose log1p if they are expression: a few large values outweigh the rest."
    elif assay.name == PROTEINS:
        changes = {"normalize": "clr"}
        reason = (
            f"These are counts of proteins ({shown}): the centred log-ratio (clr) cancels how strongly a cell stains."
        )
    elif assay.name == PEAKS:
        changes = {"normalize": "tfidf"} | ({"n_components": LSI_COMPONENTS} if n_features > 2 * LSI_COMPONENTS else {})
        reason = (
            f"These are peaks of open chromatin ({shown}): TF-IDF cancels depth and gives rare peaks weight, and LSI "
            f"makes {LSI_COMPONENTS} components of them, onto which translations then go."
            if "n_components" in changes
            else f"These are peaks of open chromatin ({shown}): TF-IDF cancels depth and gives rare peaks weight."
        )
    elif assay.name == GENES:
        changes = {"normalize": "log1p"}
        reason = f"These are counts of genes ({shown}): they are brought to equal library size and log-transformed."
    elif assay.name == COUNTS:
        changes = {}
        reason = (
            f"These are counts of few features ({shown}), mostly above 0: auto normalises and log-transforms them, as "
            "suits genes; choose clr if they are proteins."
        )
    else:
        changes, reason = {}, f"The values look like {kind.name} ({kind.reason}), for which nothing is proposed."
    return Proposal(assay.name, reason, tuple(changes.items()), automatic(kind.name))


def _typed(value: Any) -> str:
    """A value as the command line takes it; a list of names with commas, unless a name holds one."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple) and all("," not in each and each == each.strip() for each in value):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False)
