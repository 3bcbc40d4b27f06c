"""Whether two modalities distinguish their labels, in one sentence in plain words."""

from __future__ import annotations

from psmatch_core.classification.scored_modality import ScoredModality

CLEARLY_BELOW = 0.98  # × the label entropy: a loss above it says no more than how frequent the labels are


def distinguishes_labels(model: ScoredModality) -> bool:
    """Whether held-out cells are told apart better than by how frequent each label is."""
    return bool(model.validation_loss < CLEARLY_BELOW * model.label_entropy)


def answer_on_labels(source: ScoredModality, target: ScoredModality) -> str:
    """What the classifiers achieve on cells that they were not trained on, beside always naming the largest label."""
    models, names = (source, target), (source.modality.name, target.modality.name)
    can = [name for name, model in zip(names, models, strict=True) if distinguishes_labels(model)]
    largest = [max(row.n_cells for row in model.per_label) / model.modality.n_cells for model in models]
    shares = (
        f"{names[0]} names the label of {source.accuracy:.0%} of the cells that it was not trained on, {names[1]} of "
        f"{target.accuracy:.0%}; always naming the largest label is right for {largest[0]:.0%} and {largest[1]:.0%}."
    )
    if len(can) == len(models):
        return f"Both modalities distinguish the labels: {shares}"
    which = f"Only {can[0]} distinguishes" if can else "Neither modality distinguishes"
    return f"{which} the labels: {shares}"
