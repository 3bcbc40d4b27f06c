"""Arrays and plain data as one piece of bytes that a script in a browser reads without copying.

The layout: the length of the head (4 bytes), the head as JSON, each array after it from a multiple of 8 bytes; all
numbers are little-endian.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

ALIGNED = 8  # bytes; a typed array of a browser begins at a multiple of its own item


def framed(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Plain data and arrays in one piece.

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
    return len(text).to_bytes(4, "little") + text + b"".join(parts)
