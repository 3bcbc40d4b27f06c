"""Synthetic images under interventions: two objects at known positions, drawn as circles or as squares.

Source: Xi et al. 2024, Experiment 1: images of two objects, circles in one modality and squares in the other; a fixed
transformation of the latent positions between the modalities; distractors in the background; 12 do-interventions on a
latent state of four numbers. Everything else is chosen here: see :func:`draw_latents`, :func:`turn_positions` and
:func:`render_images`. The renderer is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.randomness import stream

LOW, HIGH = 0.1, 0.9  # range of the centres, in widths of the image: objects stay inside
SET_TO = (0.25, 0.5, 0.75)  # values to which an intervention sets one coordinate
COORDINATES = ("x1", "y1", "x2", "y2")
INTERVENTIONS = tuple(f"do({name} = {value:g})" for name in COORDINATES for value in SET_TO)
SMALLEST = 16  # pixels: in smaller images an object is less than three pixels wide
OBJECT_RADIUS = 0.09
DISTRACTOR_RADIUS = (0.04, 0.08)
COLOURS = (  # of the two objects (RGB, 0 to 1): circles red and blue, squares green and yellow
    ((0.90, 0.20, 0.20), (0.20, 0.35, 0.95)),
    ((0.15, 0.75, 0.30), (0.95, 0.80, 0.15)),
)
CHUNK_IMAGES = 256  # drawn at a time: 256 images of 64 × 64 pixels fit into the processor's cache


@dataclass(frozen=True)
class Shapes:
    """Objects of one kind in a batch of images: centres ``(n, k, 2)``, radii ``(n, k)``, colours ``(n, k, 3)``."""

    centres: np.ndarray
    radii: np.ndarray
    colours: np.ndarray
    are_squares: bool


def draw_latents(n_cells: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Latent states ``(n_cells, 4)`` of cells, and the index of their interventions ``(n_cells,)``.

    A state holds the positions of both objects (x1, y1, x2, y2), which are independent and uniform from 0.1 to 0.9.
    The intervention sets one of the four to 0.25, 0.5 or 0.75. All 12 interventions are equally frequent. Three of the
    four coordinates vary within a label, so the mean variance is 0.04: the error of a uniform matching.
    """
    rng = stream(seed, "latents")
    label = rng.permutation(np.arange(n_cells) % len(INTERVENTIONS))
    z = rng.uniform(LOW, HIGH, size=(n_cells, len(COORDINATES)))
    coordinate, value = np.divmod(label, len(SET_TO))
    z[np.arange(n_cells), coordinate] = np.array(SET_TO)[value]
    return z, label


def turn_positions(z: np.ndarray) -> np.ndarray:
    """The positions ``(n, 4)`` in modality 2: a quarter turn about the centre of the image.

    The turn is the same for all cells; it keeps the two modalities from sharing the meaning of a pixel.
    """
    x, y = z[:, 0::2], z[:, 1::2]  # (n, 2) each: both objects
    return np.stack([1 - y, x], axis=2).reshape(z.shape[0], -1)


def render_images(
    z: np.ndarray, *, squares: bool, size: int = 64, n_distractors: int = 4, noise: float = 0.02, seed: int = 0
) -> np.ndarray:
    """Draw images ``(n, 3, size, size)`` (bytes, 0 to 255) of two objects at positions ``z (n, 4)``.

    Behind the objects are grey distractors of random position, size, shade and number (up to ``n_distractors``, of the
    other kind: squares behind circles), on a background of random shade and with a little noise in each pixel. All of
    this is drawn anew for each image, independent of z and of the other modality. The second object covers the first
    where they overlap.

    Parameters
    ----------
    squares
        Draw squares (modality 2) instead of circles (modality 1).
    size
        Width and height [pixels].
    noise
        Standard deviation, as a share of the full range.

    Raises
    ------
    PsmatchError
        If the images are too small to show an object.
    """
    if size < SMALLEST:
        raise PsmatchError(
            f"Images of {size} × {size} pixels are too small to show two objects.", hint=f"Use at least {SMALLEST}."
        )
    n = z.shape[0]
    rng = stream(seed, "render", "squares" if squares else "circles")
    shade = rng.uniform(0.0, 0.25, size=(n, 1, 1, 1)).astype(np.float32)
    distractors = _distractors(n, n_distractors, rng, are_squares=not squares)
    objects = Shapes(
        z.reshape(n, 2, 2).astype(np.float32),
        np.full((n, 2), OBJECT_RADIUS, dtype=np.float32),
        np.broadcast_to(np.array(COLOURS[int(squares)], dtype=np.float32), (n, 2, 3)),
        squares,
    )
    images = np.empty((n, 3, size, size), dtype=np.uint8)
    for start in range(0, n, CHUNK_IMAGES):
        part = slice(start, start + CHUNK_IMAGES)
        canvas = np.repeat(shade[part], 3, axis=1) * np.ones((1, 1, size, size), dtype=np.float32)
        for shapes in (distractors, objects):
            _paint(canvas, shapes, part)
        if noise:
            canvas += np.float32(noise) * rng.standard_normal(canvas.shape, dtype=np.float32)
        images[part] = np.clip(canvas * 255 + 0.5, 0, 255).astype(np.uint8)
    return images


def _distractors(n: int, most: int, rng: np.random.Generator, *, are_squares: bool) -> Shapes:
    grey = rng.uniform(0.3, 0.7, size=(n, most, 1)).astype(np.float32)
    radii = rng.uniform(*DISTRACTOR_RADIUS, size=(n, most)).astype(np.float32)
    is_there = np.arange(most) < rng.integers(0, most + 1, size=(n, 1))
    radii[~is_there] = -1.0  # no pixel is nearer than that
    centres = rng.uniform(0, 1, size=(n, most, 2)).astype(np.float32)
    return Shapes(centres, radii, np.repeat(grey, 3, axis=2), are_squares)


def _paint(canvas: np.ndarray, shapes: Shapes, part: slice) -> None:
    """Paint over ``canvas (n, 3, size, size)`` with edges that are soft over one pixel."""
    size = canvas.shape[-1]
    pixels = ((np.arange(size) + 0.5) / size).astype(np.float32)
    for k in range(shapes.radii.shape[1]):
        across = np.abs(pixels[None, None, :] - shapes.centres[part, k, 0, None, None])  # (n, 1, size)
        down = np.abs(pixels[None, :, None] - shapes.centres[part, k, 1, None, None])  # (n, size, 1)
        distance = np.maximum(across, down) if shapes.are_squares else np.sqrt(across**2 + down**2)
        cover = np.clip((shapes.radii[part, k, None, None] - distance) * size + 0.5, 0, 1)[:, None]  # (n, 1, h, w)
        colour = shapes.colours[part, k, :, None, None]
        canvas += cover * (colour - canvas)
