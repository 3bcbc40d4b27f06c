"""Hidden labels: merge two labels, match without knowing which cell has which, and count who finds its own again.

This is the one check with a known answer that needs no true pairs. It asks whether the scores of the two modalities
point the same way: halves of the cells can agree on a wrong direction, hidden labels cannot be found along one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from psmatch_core.base.arrays import nan_mean
from psmatch_core.base.cores import compute, side_by_side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent, told_together
from psmatch_core.base.randomness import stream
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.matching.matchers import LabelMatcher, LabelProblem, Matcher
from psmatch_core.monitor.thresholds import THRESHOLDS

FEWEST_LABELS = 4  # with three, a pair leaves one label to compare with; the null then has hardly two values
MOST_CELLS = 40  # per label and modality: enough for a share within a tenth, and a round of 41 labels takes 0.1 s
MOST_PAIRS = 4000  # merged labels in a draw: above 89 labels some pairs are not asked, and the result says so
NULL_ROUNDS = 3  # of every shuffled naming: its mean over some pairs is as good as that over all
DRAWS = 2  # of the cells, of which the mean is taken

Asked = tuple[tuple[int, int], float, float]  # a pair of labels, its share of the mass, and that by chance


@dataclass(frozen=True)
class HiddenPair:
    """Two labels that were merged, and how many of their cells found their own again.

    Parameters
    ----------
    first, second
        The labels.
    share
        Share of the plan's mass that connects cells of the same label, 0 to 1.
    chance
        The same for a uniform plan.
    """

    first: str
    second: str
    share: float
    chance: float

    @property
    def score(self) -> float:
        """0 where the plan does no better than chance, 1 where every cell finds its label."""
        return (self.share - self.chance) / (1 - self.chance)


@dataclass(frozen=True)
class HiddenLabels:
    """How well merged labels are found again, compared with permuted label names.

    Parameters
    ----------
    pairs
        Every pair of labels that was merged.
    shuffled
        The mean score of each permutation of the second modality's label names.
    n_labels
        Labels that took part: those with at least two cells in both modalities.
    """

    pairs: tuple[HiddenPair, ...]
    shuffled: tuple[float, ...]
    n_labels: int

    @cached_property
    def score(self) -> float:
        """Mean over pairs: 0 by chance, 1 if every cell finds its own label."""
        return nan_mean(np.array([pair.score for pair in self.pairs]))

    @cached_property
    def z(self) -> float:
        """The score in standard deviations of the permutations above their mean; NaN without permutations."""
        if len(self.shuffled) < 2 or np.std(self.shuffled) == 0:
            return float("nan")
        return float((self.score - np.mean(self.shuffled)) / np.std(self.shuffled))

    @property
    def are_found(self) -> bool:
        """Whether the score is above that of exchanged names; false where neither varies."""
        return bool(self.z >= THRESHOLDS.hidden_z)

    def described(self) -> str:
        """The score and what it is compared with, in words."""
        chance = nan_mean(np.array(self.shuffled))
        return f"score {self.score:z.2f}, with exchanged label names {chance:z.2f}, z = {self.z:.1f}"

    def of_label(self, label: str) -> tuple[HiddenPair, ...]:
        """The pairs that a label was in."""
        return tuple(pair for pair in self.pairs if label in (pair.first, pair.second))

    @property
    def n_left_out(self) -> int:
        """Pairs of labels that were not merged, because there are too many."""
        return self.n_labels * (self.n_labels - 1) // 2 - len(self.pairs)


def find_hidden_labels(
    source: PropensityModel,
    target: PropensityModel,
    matcher: Matcher,
    *,
    n_shuffles: int = 24,
    seed: int = 0,
    progress: Progress = silent,
) -> HiddenLabels:
    """Merge the labels two by two, match within the merged labels, and see which cells find their own label.

    In each round every label is merged with one other, so that after n − 1 rounds all pairs were merged once. The
    logits of a merged label are the logarithm of its two labels' summed probabilities; cells are matched in the space
    of the merged labels by the run's own matcher. The null permutes the label names of the target, columns and cells
    together: its classifier is as good, and its directions mean something else.

    Parameters
    ----------
    matcher
        The run's matcher; it must match label by label.
    n_shuffles
        Permutations of the target's label names.

    Raises
    ------
    PsmatchError
        With fewer than four labels, or a matcher that solves all labels together or not by scores.

    Source: ours.
    """
    if not isinstance(matcher, LabelMatcher):
        raise PsmatchError(
            "this method solves all labels together, so labels cannot be hidden from it.",
            hint="Use a method that matches label by label, such as entropic transport.",
        )
    if not matcher.uses_scores or not matcher.is_quick:
        raise PsmatchError(
            "this method does not match by scores alone, from which labels are hidden.",
            hint="Use a method that matches by scores, such as entropic transport.",
        )
    counts = [np.bincount(model.y, minlength=len(model.label_names)) for model in (source, target)]
    labels = np.flatnonzero(np.minimum(*counts) >= 2)
    if labels.size < FEWEST_LABELS:
        raise PsmatchError(
            f"only {labels.size} labels have two cells in both modalities; hiding labels takes {FEWEST_LABELS}.",
            hint="Use more labels, or judge the matching by its losses and agreement.",
        )
    most_rounds = max(NULL_ROUNDS, MOST_PAIRS // (labels.size // 2))
    sides = (_Side(source.logits, source.y), _Side(target.logits, target.y))
    found: dict[tuple[int, int], list[tuple[float, float]]] = {}
    draws = [f"all pairs, draw {draw + 1} of {DRAWS}" for draw in range(DRAWS)]
    shuffles = [f"shuffle {shuffle + 1} of {n_shuffles}" for shuffle in range(n_shuffles)]
    all_rounds = len(_round_robin(labels.tolist()))
    sizes = [min(most_rounds, all_rounds)] * DRAWS + [min(NULL_ROUNDS, all_rounds)] * n_shuffles
    heard = told_together(progress, "hidden labels", [*draws, *shuffles], sizes=sizes)

    def asked(both: tuple[_Side, _Side], rng: np.random.Generator, most_rounds: int, tell: Progress) -> list[Asked]:
        sampled = [side.sampled(labels, rng) for side in both]  # so few cells that they may travel each time
        tell(Event("hidden labels", 0.0))
        return compute(_asked, (), *sampled, labels, matcher, rng, most_rounds, progress=tell)

    def drawn(draw: int) -> list[Asked]:
        return asked(sides, stream(seed, "hidden labels", draw), most_rounds, heard[draws[draw]])

    def exchanged(shuffle: int) -> float:
        rng = stream(seed, "hidden labels, shuffled", shuffle)
        both = (sides[0], sides[1].renamed(labels, _moved(labels, rng)))
        found = asked(both, rng, NULL_ROUNDS, heard[shuffles[shuffle]])
        return nan_mean(np.array([(share - chance) / (1 - chance) for _, share, chance in found]))

    for pair, share, chance in chain.from_iterable(side_by_side(drawn, range(DRAWS))):
        found.setdefault(pair, []).append((share, chance))
    shuffled = side_by_side(exchanged, range(n_shuffles))
    progress(Event("hidden labels", 1.0))
    names = source.label_names
    pairs = tuple(
        HiddenPair(names[one], names[two], *np.mean(values, axis=0).tolist())
        for (one, two), values in sorted(found.items())
    )
    return HiddenLabels(pairs, tuple(shuffled), int(labels.size))


@dataclass(frozen=True, eq=False)
class _Side:
    """Logits ``(n_cells, n_labels)`` of a modality and the label of each cell ``(n_cells,)``."""

    logits: np.ndarray
    y: np.ndarray

    def renamed(self, labels: np.ndarray, names: np.ndarray) -> _Side:
        """The side with each of ``labels`` called by the other of ``names``: its column and its cells."""
        column = np.arange(self.logits.shape[1])
        column[labels] = names
        return _Side(self.logits[:, np.argsort(column)], column[self.y])

    def sampled(self, labels: np.ndarray, rng: np.random.Generator) -> _Side:
        """At most ``MOST_CELLS`` cells of each label, and no other."""
        kept = [rng.permutation(np.flatnonzero(self.y == label))[:MOST_CELLS] for label in labels]
        cells = np.sort(np.concatenate(kept))
        return _Side(self.logits[cells], self.y[cells])

    def merged(self, groups: Sequence[tuple[int, ...]]) -> np.ndarray:
        """Centred logits of the groups of labels, ``(n_cells, n_groups)``."""
        firsts, lasts = [group[0] for group in groups], [group[-1] for group in groups]
        together = self.logits[:, firsts]  # (n_cells, n_groups)
        pairs = np.flatnonzero(np.array(firsts) != lasts)
        together[:, pairs] = np.logaddexp(together[:, pairs], self.logits[:, np.array(lasts)[pairs]])
        return np.asarray(together - together.mean(axis=1, keepdims=True))


def _asked(
    source: _Side,
    target: _Side,
    labels: np.ndarray,
    matcher: LabelMatcher,
    rng: np.random.Generator,
    most_rounds: int,
    progress: Progress,
) -> list[Asked]:
    """Pairs of labels, the share of mass between cells of the same label, and that of a uniform plan."""
    found = []
    rounds = _round_robin(rng.permutation(labels).tolist())[:most_rounds]
    for turn, groups in enumerate(rounds):
        if turn:
            progress(Event("hidden labels", turn / len(rounds), f"round {turn + 1} of {len(rounds)}"))
        x, y = source.merged(groups), target.merged(groups)
        problems, asked = [], []
        for group in (each for each in groups if len(each) == 2):
            mine, theirs = np.isin(source.y, group), np.isin(target.y, group)
            problems.append(
                LabelProblem(
                    label=f"{group[0]} and {group[1]}",
                    x=x[mine],
                    y=y[theirs],
                    source_ids=None,
                    target_ids=None,
                    seed=int(rng.integers(2**31)),
                )
            )
            asked.append((group, source.y[mine][:, None] == target.y[theirs]))
        for (group, same), (block, _) in zip(asked, matcher.couple_all(problems), strict=True):
            if block is not None:
                plan = block.rows(0, same.shape[0])
                one, two = sorted(group)
                found.append(((one, two), float(plan[same].sum() / plan.sum()), float(same.mean())))
    return found


def _round_robin(labels: Sequence[int]) -> list[list[tuple[int, ...]]]:
    """Rounds in which every label meets one other, each pair once; with an odd number one stays alone in a round."""
    table: list[int | None] = [*labels, *([None] if len(labels) % 2 else [])]
    rounds = []
    for _ in range(len(table) - 1):
        pairs = [(table[i], table[-1 - i]) for i in range(len(table) // 2)]
        rounds.append([tuple(label for label in pair if label is not None) for pair in pairs])
        table = [table[0], table[-1], *table[1:-1]]
    return rounds


def _moved(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A permutation of the labels that moves at least one."""
    while True:
        permuted = rng.permutation(labels)
        if (permuted != labels).any():
            return permuted
