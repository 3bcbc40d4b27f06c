"""How a solve ended, and how it held the plan at the end."""

from __future__ import annotations

from enum import StrEnum


class SolveStatus(StrEnum):
    """How a solve ended."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not converged"
    STOPPED = "stopped"

    @classmethod
    def from_error(cls, error: float, tolerance: float) -> SolveStatus:
        """Converged where the certified error is within the tolerance."""
        return cls.CONVERGED if error <= tolerance else cls.NOT_CONVERGED


class SolvePath(StrEnum):
    """How the engine held the plan when a solve ended."""

    NONE = "none"
    SPARSE = "sparse"
    SPARSE_STEP = "sparse step"
    DENSE = "dense"
    DENSE_STEP = "dense step"
    MATRIX_FREE = "matrix-free"
    UNRESOLVED = "unresolved"

    @property
    def sentence(self) -> str:
        """The same in one sentence."""
        return _SENTENCES[self]


_SENTENCES = {
    SolvePath.NONE: "The solve was stopped before it reached its last epsilon.",
    SolvePath.SPARSE: "Few entries matter; only these were stored, and one pass over all pairs bounded the rest.",
    SolvePath.SPARSE_STEP: "The entries stored for a neighbouring epsilon were enough, without a pass over all pairs.",
    SolvePath.DENSE: "Many entries matter; all n × m were stored.",
    SolvePath.DENSE_STEP: "Many entries matter; all n × m stored for a neighbouring epsilon were enough.",
    SolvePath.UNRESOLVED: "Epsilon is too small beside the costs for double precision to resolve it; raise epsilon.",
    SolvePath.MATRIX_FREE: "Many entries matter and n × m exceeds the memory budget; every iteration recomputed them.",
}
