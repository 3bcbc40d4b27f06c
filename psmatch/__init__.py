"""psmatch: match cells of two unpaired modalities by their propensity scores.

The public name of :mod:`psmatch_core`: each name here is the same object there, imported at its first use.

Examples
--------
>>> import psmatch
>>> psmatch.Recipe().matcher.epsilon
0.05
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psmatch_core

if TYPE_CHECKING:
    from psmatch_core import *  # noqa: F403
    from psmatch_core.pipeline.match_data import match_data

    match = match_data

__version__ = psmatch_core.__version__


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(psmatch_core, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return dir(psmatch_core)
