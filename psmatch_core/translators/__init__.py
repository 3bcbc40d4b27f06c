"""Translators: strategies that carry features across a coupling. One file each."""

from psmatch_core.translators.barycentric import BarycentricTranslator
from psmatch_core.translators.base import Translator
from psmatch_core.translators.sampling import SamplingTranslator

__all__ = ["BarycentricTranslator", "SamplingTranslator", "Translator"]
