"""Held-out pairs: evaluate a matching on pairs that neither classifier saw, the two sides trained on other cells.

Where pairs are known, most cells are measured on both sides. Two classifiers that were trained on the same physical
cells remember the same cells, also where the labels have no effect, and the remembered part of their scores finds the
true partner. Such a figure is inflated; that of populations which share no cell is the one measured here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from psmatch_core.base.cores import part_of, side_by_side
from psmatch_core.base.progress import Event, Progress, StagePart, silent, told_together
from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.classification.classifiers import Classifier, stratified_folds
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.training_data import training_data
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import PAIR_METRICS, Evaluation, Judging, LabelScore, evaluate
from psmatch_core.matching.link import Linking, link_scores
from psmatch_core.matching.match import known_ids, match
from psmatch_core.matching.matchers import Matcher
from psmatch_core.matching.matchers.known_pairs import true_pairs

PARTS = 3  # one trains the source, one the target, and the third is judged
FEWEST_PAIRS = 2 * PARTS  # of a label: two in each part, since one alone has no rank
ALWAYS_TRAINS = -1  # a cell without a partner: it stands on one side only, so both sides never share it


@dataclass(frozen=True, eq=False)
class PairParts:
    """The physical cells of both modalities in three parts.

    Parameters
    ----------
    label_names
        Labels with enough pairs for three parts, in the order of the scores.
    source, target
        Part of each cell, 0 to 2, ``(n_cells,)`` and ``(m_cells,)``; -1 for a cell without a partner. Both modalities
        have a pair in the same part.
    """

    label_names: tuple[str, ...]
    source: np.ndarray
    target: np.ndarray

    def of(self, side: str) -> np.ndarray:
        return self.source if side == "source" else self.target


@dataclass(frozen=True, eq=False)
class HeldOutScores:
    """Scores of the paired cells of one modality by a classifier that saw neither them nor the other side's cells.

    Parameters
    ----------
    logits
        Centred logits ``(n_cells, n_labels)``, nats; NaN for cells that are not judged.
    """

    logits: np.ndarray


def split_pairs(source: Modality, target: Modality, label_names: Sequence[str], *, seed: int = 0) -> PairParts | None:
    """Deal the pairs of each label to three parts; None if fewer than two labels have enough pairs.

    Pairs whose labels differ are dealt too: no physical cell may be trained on by both sides.
    """
    ids = known_ids(source, target)
    if ids is None:
        return None
    rows, columns = true_pairs(*ids)
    ours, theirs = source.labels[rows], target.labels[columns]
    strata = np.where(ours == theirs, ours, "")  # no label is empty
    kept = tuple(name for name in label_names if int((strata == name).sum()) >= FEWEST_PAIRS)
    if len(kept) < 2:
        return None
    rng = stream(seed, "held-out pairs")
    part = np.empty(rows.size, dtype=np.int64)
    for stratum in np.unique(strata):
        cells = rng.permutation(np.flatnonzero(strata == stratum))
        part[cells] = (int(rng.integers(PARTS)) + np.arange(cells.size)) % PARTS
    sides = []
    for modality, at in ((source, rows), (target, columns)):
        parts = np.full(modality.n_cells, ALWAYS_TRAINS)
        parts[at] = part
        sides.append(parts)
    return PairParts(kept, sides[0], sides[1])


def held_out_scores(
    modality: Modality,
    side: str,
    parts: PairParts,
    classifier: Classifier,
    *,
    n_folds: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> HeldOutScores:
    """Train a classifier for each part on another part, a different one on either side, and score the part with it.

    Parameters
    ----------
    modality
        The features that the run matches by.
    side
        ``source`` or ``target``.

    Source: ours, after the observation that shared training cells inflate the evaluation of a matching
    (docs/method.md, Held-out pairs).
    """
    shift = 1 if side == "source" else 2
    return scores_of_parts(
        modality,
        parts.of(side),
        parts.label_names,
        classifier,
        n_parts=PARTS,
        shift=shift,
        n_folds=n_folds,
        seed=seed,
        progress=progress,
    )


def scores_of_parts(
    modality: Modality,
    part: np.ndarray,
    label_names: Sequence[str],
    classifier: Classifier,
    *,
    n_parts: int,
    shift: int,
    n_folds: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> HeldOutScores:
    """Score each part of a modality's cells by a classifier that was trained on another part.

    Parameters
    ----------
    part
        Of each cell, 0 to ``n_parts - 1``, or -1 for a cell that trains in any case, ``(n_cells,)``.
    label_names
        The labels that are judged.
    shift
        Part ``p`` is scored by the classifier of part ``p + shift``, counted around.
    """
    is_kept = np.isin(modality.labels, label_names)
    chosen = modality.select(is_kept, "not judged")
    X, y = training_data(chosen, tuple(label_names))
    own = part[is_kept]
    own_seed = derived_seed(seed, "held-out pairs", modality.name, modality.fingerprint)
    scores = np.full((chosen.n_cells, len(label_names)), np.nan)
    stage = f"held-out pairs: {modality.name}"
    names = [f"training without part {each + 1} of {n_parts}" for each in range(n_parts)]
    told = told_together(progress, stage, names)

    def judge(judged: int) -> None:
        def hear(event: Event, /) -> None:
            told[names[judged]](replace(event, values={}))  # its epochs are not those of the run's own classifier

        hear(Event(stage, 0.0))
        trained = (own == (judged + shift) % n_parts) | (own == ALWAYS_TRAINS)
        held_out = own == judged
        part_seed = derived_seed(own_seed, "part", judged)
        folds = stratified_folds(y[trained], n_folds, seed=part_seed)
        seen = part_of(X, rows=trained)
        fitted = classifier.fit(seen, y[trained], n_labels=len(label_names), folds=folds, seed=part_seed, progress=hear)
        scores[held_out] = fitted.logits(X[held_out])
        hear(Event(stage, 1.0))

    side_by_side(judge, range(n_parts))
    progress(Event(stage, 1.0))
    logits = np.full((modality.n_cells, len(label_names)), np.nan)
    logits[is_kept] = scores
    return HeldOutScores(logits)


def evaluate_held_out(
    models: tuple[PropensityModel, PropensityModel],
    scores: tuple[HeldOutScores, HeldOutScores],
    parts: PairParts,
    matcher: Matcher,
    *,
    judging: Judging | None = None,
    linking: Linking | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Evaluation:
    """Match each part by its held-out scores, evaluate it, and put the three parts together.

    Parameters
    ----------
    models
        Both modalities as they were matched; only their cells, features and settings are used.
    linking
        Links the scores of each part as the run linked its own; None if it did not.
    """
    judging = judging or Judging()
    found = []
    for judged in range(PARTS):
        progress(Event("held-out pairs", judged / PARTS, f"matching part {judged + 1} of {PARTS}"))
        source, target = (
            _part_of(model, each.logits, parts, side, judged)
            for model, each, side in zip(models, scores, ("source", "target"), strict=True)
        )
        own_seed = derived_seed(seed, "held-out pairs", judged)
        whole = StagePart(progress, "held-out pairs", f"part {judged + 1}", judged / PARTS, (judged + 1) / PARTS)
        matching, judging_it = whole.split(2)
        if linking is not None:
            before, matching = matching.split(2)
            source, target = link_scores(source, target, matcher, linking, seed=own_seed, progress=before.hear)
        coupling = match(source, target, matcher, seed=own_seed, progress=matching.hear)
        found.append(evaluate(coupling, replace(judging, smallest_label=2), progress=judging_it.hear))
    progress(Event("held-out pairs", 1.0))
    dropped = {
        name: f"fewer than {FEWEST_PAIRS} true pairs, too few for three parts"
        for name in models[0].label_names
        if name not in parts.label_names
    }
    return together(found, smallest_label=judging.smallest_label, skipped=dropped)


def _part_of(model: PropensityModel, logits: np.ndarray, parts: PairParts, side: str, judged: int) -> PropensityModel:
    """The judged cells of one modality with their held-out scores."""
    modality = model.modality
    mask = (parts.of(side) == judged) & np.isin(modality.labels, parts.label_names)
    cells = modality.select(mask, "not in this part")
    return replace(
        model,
        modality=cells,
        label_names=parts.label_names,
        logits=logits[mask],
        held_out_logits=logits[mask],
        linked=None,
    )


def together(evaluations: Sequence[Evaluation], *, smallest_label: int, skipped: Mapping[str, str]) -> Evaluation:
    """Evaluations of different cells as one: means over all pairs.

    Parameters
    ----------
    smallest_label
        Labels with fewer pairs in all are skipped.
    skipped
        Labels that were not evaluated at all, with the reason.
    """
    rows: dict[str, list[LabelScore]] = {}
    for each in evaluations:
        for row in each.per_label:
            rows.setdefault(row.label, []).append(row)
    reasons = {label: why for each in evaluations for label, why in each.skipped.items() if label not in rows}
    scores = []
    for label, parts in rows.items():
        n_pairs = sum(row.n_pairs for row in parts)
        if n_pairs < smallest_label:
            reasons[label] = f"{n_pairs} true pairs, fewer than {smallest_label}"
            continue
        weights = np.array([row.n_pairs for row in parts], dtype=float)
        scores.append(
            LabelScore(
                label=label,
                n_pairs=n_pairs,
                n_candidates=round(float(np.average([row.n_candidates for row in parts], weights=weights))),
                **{
                    name: float(np.average([getattr(row, name) for row in parts], weights=weights))
                    for name in PAIR_METRICS
                },
                baseline={
                    name: float(np.average([row.baseline[name] for row in parts], weights=weights))
                    for name in PAIR_METRICS
                },
            )
        )
    cells = pd.concat([each.per_cell for each in evaluations], ignore_index=True)
    cells = cells[cells["label"].isin([row.label for row in scores])].reset_index(drop=True)
    return Evaluation(
        per_label=tuple(scores),
        per_cell=cells,
        skipped={**skipped, **reasons},
    )
