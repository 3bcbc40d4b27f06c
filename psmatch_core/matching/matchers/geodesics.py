"""Distances within one modality: along the graph of a label's nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components, shortest_path

SHORTEST_EDGE = 1e-12  # of the longest: duplicates are neighbours at a distance, since a graph holds no zero


@dataclass(frozen=True, eq=False)
class Geodesics:
    """Shortest paths between the cells of one side of a label.

    Parameters
    ----------
    distances
        ``(n, n)``, symmetric, the largest is 1; all 0 for a single cell.
    n_neighbors
        Neighbours of each cell in the graph; fewer than asked for in a small label.
    n_pieces
        Pieces of the graph. Between two pieces there is no path: their distance is the largest within a piece.
    """

    distances: np.ndarray
    n_neighbors: int
    n_pieces: int

    def notes(self, side: str, asked: int) -> list[str]:
        """What a status must say of it."""
        said = []
        if 0 < self.n_neighbors < asked:
            said.append(f"k = {asked} lowered to {self.n_neighbors} on the {side} side")
        if self.n_pieces > 1:
            said.append(f"the {side} graph is in {self.n_pieces} pieces, as far apart as the farthest cells of a piece")
        return said


def geodesics(points: np.ndarray, n_neighbors: int, *, metric: str = "correlation", edges: str = "hops") -> Geodesics:
    """Shortest paths in the undirected graph of nearest neighbours.

    Parameters
    ----------
    points
        ``(n, d)``.
    n_neighbors
        Other cells to which each is joined; at most half of the label's, since a graph that joins all with all
        knows no distances.
    metric
        What is near: ``correlation`` of the features, or ``euclidean`` distance.
    edges
        ``hops``: every edge has length 1; ``lengths``: that of the metric.

    Source: Demetci et al. 2022, J. Comput. Biol. 29 (SCOT), graph of correlations, hops, and its rule for graphs in
    pieces as in its released code. There a cell counts among its own k; here it does not.
    """
    n = points.shape[0]
    if n == 1:
        return Geodesics(np.zeros((1, 1)), 0, 1)
    from sklearn.neighbors import kneighbors_graph

    k = min(n_neighbors, max(1, (n - 1) // 2))
    places = _directions(points) if metric == "correlation" else points
    graph = kneighbors_graph(places, k, mode="distance")
    if metric == "correlation":
        graph.data = graph.data**2 / 2  # of unit vectors: 1 − correlation
    longest = float(graph.data.max())
    graph.data = np.maximum(graph.data, SHORTEST_EDGE * longest) if longest > 0 else np.ones_like(graph.data)
    n_pieces = int(connected_components(graph, directed=False)[0])
    distances = shortest_path(graph, method="D", directed=False, unweighted=edges == "hops")
    reached = np.isfinite(distances)
    largest = float(distances[reached].max())
    return Geodesics(np.where(reached, distances, largest) / largest, k, n_pieces)


def _directions(points: np.ndarray) -> np.ndarray:
    """Rows centred and brought to length 1; a constant row, which correlates with nothing, stays 0."""
    centred = points - points.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(np.divide(centred, length, out=np.zeros_like(centred), where=length > 0))
