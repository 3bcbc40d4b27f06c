"""The plan of one label, in three storages with the same methods."""

from psmatch_core.matching.blocks.base import LARGEST_ARRAY, Block
from psmatch_core.matching.blocks.potential import PotentialBlock, uniform_block
from psmatch_core.matching.blocks.shares import RowShares, shares_of_both
from psmatch_core.matching.blocks.stored import DenseBlock, SparseBlock

__all__ = [
    "LARGEST_ARRAY",
    "Block",
    "DenseBlock",
    "PotentialBlock",
    "RowShares",
    "SparseBlock",
    "shares_of_both",
    "uniform_block",
]
