"""Packed: arrays and texts as one text inside an HTML page, which a script of the page reads without any request.

The layout: the length of the head (4 bytes), the head as JSON, each array after it from a multiple of 8 bytes; all
numbers are little-endian. It is compressed by zlib and written in base64, whose characters can end no element of HTML.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

ALIGNED = 8  # bytes; a typed array of a browser begins at a multiple of its own item


def packed(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Plain data and arrays as base64 text.

    Parameters
    ----------
    head
        Whatever JSON can hold. Its entry ``arrays`` is added: name to type, place and number of values.
    arrays
        Of uint8, uint16, uint32 or float32, of any shape; they are written row after row.
    """
    places: dict[str, tuple[str, int, int]] = {}
    parts: list[bytes] = []
    at = 0
    for name, values in arrays.items():
        data = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
        places[name] = (values.dtype.name, at, values.size)
        parts.append(data + bytes(-len(data) % ALIGNED))
        at += len(parts[-1])
    text = json.dumps({**head, "arrays": places}, ensure_ascii=False, allow_nan=False).encode("utf-8")
    text += b" " * (-(len(text) + 4) % ALIGNED)
    whole = len(text).to_bytes(4, "little") + text + b"".join(parts)
    return base64.b64encode(zlib.compress(whole, 9)).decode("ascii")
