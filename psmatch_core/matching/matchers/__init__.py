"""Matchers: strategies that couple the source and target cells of each label. One file each."""

from psmatch_core.matching.matchers.base import CurvePoint, LabelMatcher, Matcher
from psmatch_core.matching.matchers.exact import ExactMatcher
from psmatch_core.matching.matchers.fused_gromov import FusedGromovMatcher
from psmatch_core.matching.matchers.gromov import GromovMatcher
from psmatch_core.matching.matchers.known_pairs import KnownPairsMatcher
from psmatch_core.matching.matchers.labeled_coot import LabeledCootMatcher
from psmatch_core.matching.matchers.labeled_gromov import LabeledGromovMatcher
from psmatch_core.matching.matchers.problem import Answer, LabelProblem
from psmatch_core.matching.matchers.random_pairs import RandomMatcher
from psmatch_core.matching.matchers.shared_neighbors import NeighborMatcher
from psmatch_core.matching.matchers.shared_space import SharedSpaceMatcher
from psmatch_core.matching.matchers.sinkhorn import SinkhornMatcher
from psmatch_core.matching.matchers.unbalanced import UnbalancedMatcher
from psmatch_core.matching.matchers.uniform import UniformMatcher

__all__ = [
    "Answer",
    "CurvePoint",
    "ExactMatcher",
    "FusedGromovMatcher",
    "GromovMatcher",
    "KnownPairsMatcher",
    "LabelMatcher",
    "LabelProblem",
    "LabeledCootMatcher",
    "LabeledGromovMatcher",
    "Matcher",
    "NeighborMatcher",
    "RandomMatcher",
    "SharedSpaceMatcher",
    "SinkhornMatcher",
    "UnbalancedMatcher",
    "UniformMatcher",
]
