"""Images as data: a modality holds a stack (cells × channels × height × width) as flat rows and keeps its shape."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from psmatch_core.data.checks import Finding
from psmatch_core.data.checks.findings import display, rejection

ImageShape: TypeAlias = tuple[int, int, int]  # channels, height, width

# In an AnnData, uns["image_shape"] = (channels, height, width) declares that the rows of X are images. In obsm a
# matrix of four dimensions needs no declaration.
SHAPE_KEY = "image_shape"
PREVIEW_PIXELS, PREVIEW_GAP = 96, 2  # width of an image in a preview, and the gap to the next
FEW_CHANNELS = 4  # RGB with alpha: a last axis this short behind a longer first one holds the channels


def shape_text(shape: ImageShape) -> str:
    """Such as ``images, 3 × 64 × 64``."""
    return "images, " + " × ".join(f"{each:,}" for each in shape)


def pixel_names(shape: ImageShape, name: str = "pixel") -> list[str]:
    """Names of the flat features ``(c·h·w,)``, such as ``pixel c0 y03 x12``."""
    channels, height, width = shape
    places = [f"y{y:02d} x{x:02d}" for y in range(height) for x in range(width)]
    return [f"{name} c{channel} {place}" for channel in range(channels) for place in places]


def flattened(values: np.ndarray) -> tuple[np.ndarray, ImageShape]:
    """A stack ``(n_cells, c, h, w)`` as rows ``(n_cells, c·h·w)``, and its shape."""
    channels, height, width = (int(each) for each in values.shape[1:])
    return values.reshape(values.shape[0], -1), (channels, height, width)


def contact_sheet(rows: np.ndarray, shape: ImageShape, n_images: int = 8) -> str:
    """The first images of flat ``rows (n, c·h·w)`` side by side, as a PNG in base64.

    The first three channels are shown as red, green and blue; of one or two channels, the first is shown as grey.
    Values other than bytes are stretched over the range of these images. Large images are subsampled.
    """
    stack = np.asarray(rows[:n_images], dtype=np.float64).reshape(-1, *shape)
    stack = stack[:, :3] if shape[0] >= 3 else stack[:, :1]
    step = max(1, -(-max(shape[1:]) // PREVIEW_PIXELS))
    stack = np.nan_to_num(stack[:, :, ::step, ::step])
    if rows.dtype != np.uint8:
        low, high = stack.min(), stack.max()
        stack = (stack - low) * (255 / (high - low) if high > low else 0)
    sheet = np.pad(stack, ((0, 0), (0, 0), (0, 0), (0, PREVIEW_GAP)), constant_values=255)
    sheet = sheet.transpose(2, 0, 3, 1).reshape(sheet.shape[2], -1, sheet.shape[1])[:, :-PREVIEW_GAP]  # (h, n·w, c)
    return base64.b64encode(_png(np.ascontiguousarray(np.clip(sheet, 0, 255).astype(np.uint8)))).decode("ascii")


def picture(row: np.ndarray, shape: ImageShape, *, low: float = 0.0, high: float = 255.0) -> bytes:
    """One flat image ``(c·h·w,)`` as a PNG: its first three channels as colours, or its first as grey.

    Small images are enlarged by whole pixels to about 96 pixels, large ones are subsampled.

    Parameters
    ----------
    low, high
        Values shown as black and white; the same for images that are compared.
    """
    stack = np.nan_to_num(np.asarray(row, dtype=np.float64).reshape(shape))
    stack = stack[:3] if shape[0] >= 3 else stack[:1]
    step = max(1, -(-max(shape[1:]) // PREVIEW_PIXELS))
    stack = stack[:, ::step, ::step]
    times = max(1, PREVIEW_PIXELS // max(stack.shape[1:]))
    stack = stack.repeat(times, axis=1).repeat(times, axis=2)
    grey = (stack - low) * (255 / (high - low) if high > low else 0)
    return _png(np.ascontiguousarray(np.clip(grey + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)))


def _png(pixels: np.ndarray) -> bytes:
    """An image ``(h, w, 1 or 3)`` of bytes as PNG with unfiltered lines. Source: W3C, PNG, third edition."""
    height, width, channels = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def declared_shape(uns: Mapping[str, Any], n_features: int) -> ImageShape | None:
    """The shape that ``uns`` declares for rows of ``n_features`` pixels; None if it declares no suitable one."""
    declared = uns.get(SHAPE_KEY)
    return None if declared is None else fitting_shape(declared, n_features)


def fitting_shape(declared: Any, n_features: int) -> ImageShape | None:
    """The declared shape if its product is ``n_features``, else None: other programs may use the same key."""
    sizes = np.atleast_1d(np.asarray(declared))
    if sizes.shape != (3,) or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        return None
    channels, height, width = (int(each) for each in sizes)
    return (channels, height, width) if channels * height * width == n_features else None


def check_shape(shape: ImageShape, *, name: str, matrix: str) -> tuple[Finding, ...]:
    """Refuse images whose channels come last."""
    channels, _, last = shape
    if not (last <= FEW_CHANNELS < channels):
        return ()
    size = " × ".join(str(each) for each in shape)
    return (
        rejection(
            "PM-M35",
            f"{display(name, 40)}, matrix {display(matrix)}: images of {size} seem to have their channels last.",
            "Save them as cells × channels × height × width, for instance with np.moveaxis(images, -1, 1).",
        ),
    )
