"""Held-out cells of several modalities: each trained on other cells, and all judged on cells that none has seen.

As :mod:`~psmatch_core.evaluation.held_out_pairs` for two. Where a physical cell is in several modalities, their
classifiers remember the same cells, and the remembered part of the scores finds the true partner. With K modalities
the physical cells are dealt into K + 1 groups: K of them train one modality each, and the last, new to all, is scored,
matched and evaluated; each group is judged once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from psmatch_core.base.progress import Event, Progress, StagePart, never_falling, silent
from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.classification.classifiers import Classifier
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import Evaluation, Judging, evaluate
from psmatch_core.evaluation.held_out_pairs import ALWAYS_TRAINS, HeldOutScores, scores_of_parts, together
from psmatch_core.matching.link import Linking, link_scores
from psmatch_core.matching.match import known_ids, match
from psmatch_core.matching.matchers import Matcher
from psmatch_core.matching.matchers.known_pairs import true_pairs
from psmatch_core.matching.several import BARYCENTER, Couplings, match_several, solved_pairs

Pair = tuple[str, str]
KnownModalities = Mapping[Pair, tuple[Modality, Modality]]  # with the ids by which the two know their pairs


@dataclass(frozen=True, eq=False)
class CellGroups:
    """The physical cells of several modalities in K + 1 groups.

    Parameters
    ----------
    label_names
        Labels with at least two cells of each modality in each group, in the order of the scores.
    groups
        By modality the group of each cell, 0 to K, ``(n_cells,)``; -1 for a cell that no other modality has. A
        physical cell is in the same group in all modalities.
    """

    label_names: tuple[str, ...]
    groups: Mapping[str, np.ndarray]

    @property
    def n_groups(self) -> int:
        return len(self.groups) + 1


def deal_groups(known: KnownModalities, label_names: Sequence[str], *, seed: int = 0) -> CellGroups | None:
    """Deal the physical cells of each label to the groups; None if fewer than two labels have enough.

    Parameters
    ----------
    known
        Every pair of the modalities, those without known pairs too.
    """
    modalities = {name: each for pair, both in known.items() for name, each in zip(pair, both, strict=True)}
    n_groups = len(modalities) + 1
    starts = dict(zip(modalities, np.cumsum([0, *(each.n_cells for each in modalities.values())]), strict=False))
    cell_of = _physical_cells(known, starts, sum(each.n_cells for each in modalities.values()))
    labels = np.concatenate([each.labels for each in modalities.values()])
    strata = _label_of_each(cell_of, labels)
    n_views = np.bincount(cell_of)
    rng, group = stream(seed, "held-out groups"), np.full(n_views.size, ALWAYS_TRAINS)
    for stratum in np.unique(strata):
        cells = rng.permutation(np.flatnonzero((strata == stratum) & (n_views > 1)))
        group[cells] = (int(rng.integers(n_groups)) + np.arange(cells.size)) % n_groups
    groups = {name: group[cell_of[starts[name] : starts[name] + each.n_cells]] for name, each in modalities.items()}
    kept = tuple(
        label
        for label in label_names
        if all(
            np.bincount(groups[name][(each.labels == label) & (groups[name] >= 0)], minlength=n_groups).min() >= 2
            for name, each in modalities.items()
        )
    )
    return CellGroups(kept, groups) if len(kept) > 1 else None


def _physical_cells(known: KnownModalities, starts: Mapping[str, int], n_cells: int) -> np.ndarray:
    """The physical cell of each row of all modalities ``(n_cells,)``: rows that are pairs are one cell."""
    ones, others = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for (source, target), both in known.items():
        ids = known_ids(*both)
        if ids is not None:
            rows, columns = true_pairs(*ids)
            ones.append(rows + starts[source])
            others.append(columns + starts[target])
    one, other = np.concatenate(ones), np.concatenate(others)
    graph = sparse.coo_matrix((np.ones(one.size), (one, other)), shape=(n_cells, n_cells))
    found: np.ndarray = connected_components(graph, directed=False)[1]
    return found


def _label_of_each(cell_of: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The label of each physical cell; empty where modalities differ about it, so that it is dealt apart."""
    names, codes = np.unique(labels, return_inverse=True)
    lowest, highest = np.full(cell_of.max() + 1, names.size), np.full(cell_of.max() + 1, -1)
    np.minimum.at(lowest, cell_of, codes)
    np.maximum.at(highest, cell_of, codes)
    found: np.ndarray = np.where(lowest == highest, names[np.clip(lowest, 0, names.size - 1)], "")
    return found


def group_scores(
    modality: Modality,
    groups: CellGroups,
    classifier: Classifier,
    *,
    name: str,
    n_folds: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> HeldOutScores:
    """Score each group of one modality by a classifier trained on another group, a different one in each modality.

    Parameters
    ----------
    modality
        The features that are matched.
    name
        Of the modality among the groups.
    """
    return scores_of_parts(
        modality,
        groups.groups[name],
        groups.label_names,
        classifier,
        n_parts=groups.n_groups,
        shift=1 + list(groups.groups).index(name),
        n_folds=n_folds,
        seed=seed,
        progress=progress,
    )


def evaluate_groups(
    couplings: Couplings,
    scores: Mapping[str, HeldOutScores],
    groups: CellGroups,
    known: KnownModalities,
    *,
    matcher: Matcher,
    judging: Judging | None = None,
    linking: Linking | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[Pair, Evaluation]:
    """Match each group by its held-out scores as all cells were matched, and evaluate every pair with known pairs.

    Parameters
    ----------
    couplings
        Of all cells; their models, their plans and which pairs were linked are used.
    linking
        How pairs were linked; used for those that were.

    Returns
    -------
    By pair of modalities, the groups put together.
    """
    judging = judging or Judging()
    found: dict[Pair, list[Evaluation]] = {}
    for judged in range(groups.n_groups):
        n_groups, of = groups.n_groups, f"group {judged + 1} of {groups.n_groups}"
        progress(Event("held-out cells", judged / n_groups, of))
        masks = {
            name: (groups.groups[name] == judged) & np.isin(model.modality.labels, groups.label_names)
            for name, model in couplings.models.items()
        }
        models = {
            name: _judged(model, scores[name], groups, masks[name])
            for name, model in couplings.models.items()
            if isinstance(model, PropensityModel)  # latents of a joint VAE are of two modalities
        }
        judged_pairs = {pair: both for pair, both in known.items() if known_ids(*both) is not None}
        parts = StagePart(progress, "held-out cells", of, judged / n_groups, (judged + 1) / n_groups).split(
            1 + len(judged_pairs)  # the first is the matching
        )
        own_seed = derived_seed(seed, "held-out groups", judged)
        plans = _matched_as(couplings, models, matcher, linking, seed=own_seed, part=parts[0])
        for part, ((source, target), both) in zip(parts[1:], judged_pairs.items(), strict=True):
            coupling = plans.between(source, target)
            with_ids = [
                replace(side, modality=each.select(masks[name], "not in this group"))
                for side, each, name in zip((coupling.source, coupling.target), both, (source, target), strict=True)
            ]
            coupling = replace(coupling, source=with_ids[0], target=with_ids[1])
            figures = evaluate(coupling, replace(judging, smallest_label=2), progress=part.hear)
            found.setdefault((source, target), []).append(figures)
    progress(Event("held-out cells", 1.0))
    all_labels = next(iter(couplings.models.values())).label_names
    dropped = {
        name: f"fewer than two cells of it in one of {groups.n_groups} groups of a modality"
        for name in all_labels
        if name not in groups.label_names
    }
    return {
        pair: together(parts, smallest_label=judging.smallest_label, skipped=dropped) for pair, parts in found.items()
    }


def _judged(model: PropensityModel, scores: HeldOutScores, groups: CellGroups, mask: np.ndarray) -> PropensityModel:
    """The judged cells of one modality with their held-out scores."""
    logits = scores.logits[mask]
    return replace(
        model,
        modality=model.modality.select(mask, "not in this group"),
        label_names=groups.label_names,
        logits=logits,
        held_out_logits=logits,
        linked=None,
    )


def _matched_as(
    couplings: Couplings,
    models: Mapping[str, PropensityModel],
    matcher: Matcher,
    linking: Linking | None,
    *,
    seed: int,
    part: StagePart,
) -> Couplings:
    """The judged cells matched by the same plans, and linked where all cells were."""
    if couplings.plans == BARYCENTER:
        return match_several(models, matcher, plans=BARYCENTER, seed=seed, progress=never_falling(part.hear))
    solved = {}
    wanted = solved_pairs(tuple(models), couplings.plans)
    for matching, (source, target) in zip(part.split(len(wanted)), wanted, strict=True):
        pair = models[source], models[target]
        whole = couplings.solved[source, target].source
        if linking is not None and isinstance(whole, PropensityModel) and whole.linked is not None:
            pair = link_scores(*pair, matcher, linking, seed=seed)
        solved[source, target] = match(*pair, matcher, seed=seed, progress=matching.hear)
    return Couplings(dict(models), couplings.plans, solved)
