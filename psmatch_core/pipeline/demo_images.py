"""Synthetic images under interventions: two objects whose positions are known, seen as circles or as squares.

Source: Xi et al. 2024, Experiment 1: images of two objects, circles in one modality and squares in the other, a
fixed transformation of the latent positions between the modalities, distractors in the background, 12
do-interventions on a latent state of four numbers. What that leaves open is chosen here: see :func:`draw_latents`,
:func:`seen_by_second` and :func:`render_images`. The renderer is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.randomness import stream

LOW, HIGH = 0.1, 0.9  # positions of centres, in widths of the image: objects stay inside
SET_TO = (0.25, 0.5, 0.75)  # the values that an intervention sets one coordinate to
COORDINATES = ("x1", "y1", "x2", "y2")
INTERVENTIONS = tuple(f"do({name} = {value:g})" for name in COORDINATES for value in SET_TO)
SMALLEST = 16  # pixels: below it an object is less than three pixels wide
OBJECT_RADIUS = 0.09
DISTRACTOR_RADIUS = (0.04, 0.08)
COLOURS = (  # of the two objects (RGB, 0 to 1): circles red and blue, squares green and yellow
    ((0.90, 0.20, 0.20), (0.20, 0.35, 0.95)),
    ((0.15, 0.75, 0.30), (0.95, 0.80, 0.15)),
)
CHUNK_IMAGES = 256  # drawn at once: 64 × 64 pixels of 256 images stay in the processor's cache


@dataclass(frozen=True)
class Shapes:
    """Objects of one kind in a batch of images: centres ``(n, k, 2)``, radii ``(n, k)``, colours ``(n, k, 3)``."""

    centres: np.ndarray
    radii: np.ndarray
    colours: np.ndarray
    are_squares: bool


def draw_latents(n_cells: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Latent states ``(n_cells, 4)`` and the intervention ``(n_cells,)`` that each is under, as an index.

    A state holds both objects' positions (x1, y1, x2, y2), each uniform on 0.1 to 0.9 and independent; the
    intervention sets one of the four to 0.25, 0.5 or 0.75. Every cell is under one of the 12, all equally often.
    The within-label variance is then 0.04 a coordinate (three of four vary): what a uniform matching loses.
    """
    rng = stream(seed, "latents")
    label = rng.permutation(np.arange(n_cells) % len(INTERVENTIONS))
    z = rng.uniform(LOW, HIGH, size=(n_cells, len(COORDINATES)))
    coordinate, value = np.divmod(label, len(SET_TO))
    z[np.arange(n_cells), coordinate] = np.array(SET_TO)[value]
    return z, label


def seen_by_second(z: np.ndarray) -> np.ndarray:
    """The positions ``(n, 4)`` as modality 2 shows them: a quarter turn about the centre of the image.

    Fixed for all cells, so that no pixel of one modality stands for the same pixel of the other.
    """
    x, y = z[:, 0::2], z[:, 1::2]  # (n, 2) each: both objects
    return np.stack([1 - y, x], axis=2).reshape(z.shape[0], -1)


def render_images(
    z: np.ndarray, *, squares: bool, size: int = 64, n_distractors: int = 4, noise: float = 0.02, seed: int = 0
) -> np.ndarray:
    """Images ``(n, 3, size, size)``, bytes 0 to 255, of two objects at positions ``z (n, 4)``.

    Behind the objects stand grey distractors of random place, size, shade and number (none to ``n_distractors``,
    of the other kind: squares behind circles) on a background of random shade, with a little noise in every pixel; all
    of that is drawn anew for each image and knows nothing of z or of the other modality. The second object covers
    the first where they overlap.

    Parameters
    ----------
    squares
        Modality 2; else circles, modality 1.
    size
        Width and height [pixels].
    noise
        Standard deviation, of the full range.

    Raises
    ------
    PsmatchError
        For images too small to show an object.
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
    radii[~is_there] = -1.0  # nothing is nearer than that
    centres = rng.uniform(0, 1, size=(n, most, 2)).astype(np.float32)
    return Shapes(centres, radii, np.repeat(grey, 3, axis=2), are_squares)


def _paint(canvas: np.ndarray, shapes: Shapes, part: slice) -> None:
    """Paint over ``canvas (n, 3, size, size)``, the edges one pixel soft."""
    size = canvas.shape[-1]
    pixels = ((np.arange(size) + 0.5) / size).astype(np.float32)
    for k in range(shapes.radii.shape[1]):
        across = np.abs(pixels[None, None, :] - shapes.centres[part, k, 0, None, None])  # (n, 1, size)
        down = np.abs(pixels[None, :, None] - shapes.centres[part, k, 1, None, None])  # (n, size, 1)
        distance = np.maximum(across, down) if shapes.are_squares else np.sqrt(across**2 + down**2)
        cover = np.clip((shapes.radii[part, k, None, None] - distance) * size + 0.5, 0, 1)[:, None]  # (n, 1, h, w)
        colour = shapes.colours[part, k, :, None, None]
        canvas += cover * (colour - canvas)
