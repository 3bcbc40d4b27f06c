"""The answer on labels: in one sentence, from held-out losses, with what guessing would give beside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.classification.answers import answer_on_labels, distinguishes_labels
from psmatch_core.classification.propensity import PropensityModel

Models = tuple[PropensityModel, PropensityModel]


def blind(model: PropensityModel) -> PropensityModel:
    """A classifier that says the same of every cell."""
    return replace(model, held_out_logits=np.zeros_like(model.held_out_logits))


def test_both_one_or_neither_modality_distinguishes_the_labels(models: Models) -> None:
    source, target = models
    assert distinguishes_labels(source)
    assert not distinguishes_labels(blind(source))
    both = answer_on_labels(source, target)
    assert both.startswith(f"Both modalities distinguish the labels: RNA names the label of {source.accuracy:.0%}")
    assert f"ADT of {target.accuracy:.0%}; always naming the largest label is right for 33% and 33%." in both
    assert answer_on_labels(blind(source), target).startswith("Only ADT distinguishes the labels: RNA names")
    assert answer_on_labels(blind(source), blind(target)).startswith("Neither modality distinguishes the labels")
