"""Packed: arrays and texts as one text inside an HTML page, which a script of the page reads without any request.

The layout is that of :mod:`psmatch_core.base.framed_arrays`. It is compressed by zlib and written in base64, whose
characters can end no element of HTML.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from psmatch_core.base.framed_arrays import framed


def packed(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Plain data and arrays as base64 text, as :func:`~psmatch_core.base.framed_arrays.framed` puts them together."""
    return base64.b64encode(zlib.compress(framed(head, arrays), 9)).decode("ascii")
