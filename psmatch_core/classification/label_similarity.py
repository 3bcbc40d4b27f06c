"""Which labels a classifier distinguishes: the area under the ROC curve of each pair, and groups it confuses.

Functions of logits ``(n, n_labels)`` and true labels ``y (n,)`` as column numbers, as in ``classifier_quality``.
"""

from __future__ import annotations

import numpy as np

MOST_CELLS = 200  # cells per label that are compared; the area is then known to a few per cent
COIN = 0.65  # area below which two labels count as the same: 0.5 is a coin flip


def pairwise_auc(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How well each pair of labels is distinguished, ``(n_labels, n_labels)``, symmetric; NaN on the diagonal.

    The area under the ROC curve of logit a − logit b between cells of a and cells of b: the chance that a cell of a
    looks more like a than a cell of b does, ties one half. 0.5 is a coin flip, 1 is perfect. Unlike counts of the
    best label, it is informative for two labels that both lose to a third, and it does not depend on how frequent they
    are. NaN if a label has no cell. Above 200 cells per label, an even subset is used.

    Source: Hand and Till 2001, A Simple Generalisation of the Area Under the ROC Curve for Multiple Class
    Classification Problems, section 2; they average the two one-sided areas, we rank by the difference of logits.
    """
    n_labels = logits.shape[1]
    cells = []
    for label in range(n_labels):
        mine = np.flatnonzero(y == label)
        step = np.linspace(0, mine.size - 1, min(mine.size, MOST_CELLS)).round().astype(int)
        cells.append(np.asarray(logits[mine[step]], dtype=np.float64))
    area = np.full((n_labels, n_labels), np.nan)
    for a in range(n_labels):
        for b in range(a + 1, n_labels):
            if cells[a].size and cells[b].size:
                of_a, of_b = cells[a][:, a] - cells[a][:, b], np.sort(cells[b][:, a] - cells[b][:, b])
                below = np.searchsorted(of_b, of_a, "left") + np.searchsorted(of_b, of_a, "right")
                area[a, b] = area[b, a] = below.sum() / (2 * of_a.size * of_b.size)
    return area


def likeness_tree(area: np.ndarray) -> np.ndarray:
    """Labels joined by how poorly they are distinguished (average linkage), optimally ordered: SciPy's linkage matrix.

    Heights are areas; a pair of unknown area counts as distinguished, and an area below one half as one half.
    """
    from scipy.cluster.hierarchy import linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    height = np.where(np.isnan(area), 1.0, np.maximum(area, 0.5))
    np.fill_diagonal(height, 0)
    condensed = squareform((height + height.T) / 2, checks=False)
    return np.asarray(optimal_leaf_ordering(linkage(condensed, "average"), condensed))


def alike_groups(area: np.ndarray, *, below: float = COIN) -> list[list[int]]:
    """Groups of two or more labels that the classifier cannot distinguish, largest first.

    Parameters
    ----------
    area
        As :func:`pairwise_auc` gives it.
    below
        Mean area within a group under which its labels count as the same.
    """
    from scipy.cluster.hierarchy import fcluster

    if len(area) < 2:
        return []
    member = fcluster(likeness_tree(area), below, criterion="distance")
    groups = [np.flatnonzero(member == each).tolist() for each in np.unique(member)]
    return sorted((group for group in groups if len(group) > 1), key=lambda group: (-len(group), group))


def label_families(centres: np.ndarray, most: int) -> np.ndarray:
    """Group labels that lie close together, for colouring when there are too many for one hue each.

    Parameters
    ----------
    centres
        Position of each label ``(n_labels, d)``, such as the mean scores of its cells.
    most
        Largest number of families.

    Returns
    -------
    The family of each label ``(n_labels,)``, 0 the largest. Ward's linkage gives families of similar
    size; they are used for display only.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(centres) <= most:
        return np.arange(len(centres))
    member = fcluster(linkage(centres, "ward"), most, criterion="maxclust")
    found, counts = np.unique(member, return_counts=True)
    place = {int(each): at for at, each in enumerate(found[np.argsort(-counts, kind="stable")])}
    return np.array([place[int(each)] for each in member])
