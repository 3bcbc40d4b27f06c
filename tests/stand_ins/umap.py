"""Stands in for umap-learn where tests draw maps that nobody looks at: tests/conftest.py puts it in its place.

The real one compiles for about 15 s in every process; ``tests/exploration/test_maps.py``, the demo of
``tests/cli/test_main.py`` and all tests in a browser use it.
"""

from __future__ import annotations

import numpy as np


class UMAP:
    """The plane of most variance, which is not what UMAP gives but has its shape."""

    def __init__(self, **settings: object) -> None:
        self.settings = settings

    def fit_transform(self, points: np.ndarray) -> np.ndarray:
        centered = points - points.mean(axis=0)
        _, axes = np.linalg.eigh(centered.T @ centered)
        return np.asarray(centered @ axes[:, :-3:-1])
