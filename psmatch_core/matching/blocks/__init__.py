"""The plan of one label, in three storages with the same methods."""

from psmatch_core.matching.blocks.base import LARGEST_ARRAY, Block
from psmatch_core.matching.blocks.potential import PotentialBlock, rows_of_both, uniform_block
from psmatch_core.matching.blocks.stored import DenseBlock, SparseBlock

__all__ = ["LARGEST_ARRAY", "Block", "DenseBlock", "PotentialBlock", "SparseBlock", "rows_of_both", "uniform_block"]
