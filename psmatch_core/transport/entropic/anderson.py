"""Anderson mixing: a fixed-point iteration accelerated by its last iterates.

Source: Walker & Ni, SIAM J. Numer. Anal. 49 (2011), algorithm AA.
"""

from __future__ import annotations

import numpy as np

from psmatch_core.base.arrays import Array

_MEMORY = 6  # iterates, so five differences
_RESTART = 3.0  # an error this many times the best one so far shows that old iterates mislead


class AndersonMixing:
    """The last images and residuals of a fixed-point iteration on potentials.

    Parameters
    ----------
    weights
        Weights of the norm in which residuals are small, ``(m,)``: the marginal.
    """

    def __init__(self, weights: Array) -> None:
        self._weights = weights
        self._images: list[Array] = []
        self._residuals: list[Array] = []
        self._best = np.inf

    def clear(self) -> None:
        """Forget the iterates."""
        self._images.clear()
        self._residuals.clear()

    def next(self, image: Array, residual: Array, error: float) -> Array:
        """The next iterate: the combination of the last images whose combined residual is smallest.

        Parameters
        ----------
        image, residual
            The fixed-point map at the current iterate, and its difference from the iterate, ``(m,)``.
        error
            Current error, which decides about a restart.
        """
        if error > _RESTART * self._best:
            self.clear()
        self._best = min(self._best, error)
        self._images.append(image)
        self._residuals.append(residual)
        del self._images[:-_MEMORY], self._residuals[:-_MEMORY]
        return self._mix()

    def _mix(self) -> Array:
        images, residuals, weights = self._images, self._residuals, self._weights
        image = images[-1]
        if len(images) == 1:
            return image
        last = residuals[-1]
        differences = np.array([residual - last for residual in residuals[:-1]])  # (h, m)
        gram = (differences * weights) @ differences.T
        if not np.isfinite(gram).all():
            self.clear()
            return image
        gram[np.diag_indices_from(gram)] += 1e-10 * np.trace(gram) + 1e-300
        shares = np.linalg.lstsq(gram, -(differences * weights) @ last, rcond=None)[0]
        moves = (share * (earlier - image) for share, earlier in zip(shares, images[:-1], strict=True))
        return np.asarray(image + sum(moves))
