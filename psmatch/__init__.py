"""psmatch: match cells of two unpaired modalities by their propensity scores.

The public name of :mod:`psmatch_core`: each name here is the same object there, imported at its first use. The figures
are in ``psmatch.pl`` (:mod:`psmatch_core.plotting`).

Examples
--------
>>> import psmatch
>>> psmatch.Recipe().matcher.epsilon
0.05
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import psmatch_core

if TYPE_CHECKING:
    from psmatch_core import *
    from psmatch_core.pipeline.match_data import match_data

    match = match_data
    import psmatch_core.plotting as pl

__version__ = psmatch_core.__version__


def __getattr__(name: str) -> Any:
    if name == "pl":  # the figures, as scanpy calls its own
        return importlib.import_module("psmatch_core.plotting")
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(psmatch_core, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted([*dir(psmatch_core), "pl"])
