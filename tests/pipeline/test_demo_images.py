"""The renderer: objects where z says, distractors that know nothing of it, the same picture for the same seed."""

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.demo_data import interventional_images
from psmatch_core.pipeline.demo_images import INTERVENTIONS, SET_TO, draw_latents, render_images, turn_positions


def centre(image, colour):
    """Where the pixels of one colour lie, (x, y) in widths of the image."""
    size = image.shape[-1]
    near = np.abs(image.transpose(1, 2, 0) / 255 - colour).max(axis=2) < 0.15
    y, x = np.nonzero(near)
    return np.array([(x.mean() + 0.5) / size, (y.mean() + 0.5) / size])


@pytest.mark.parametrize("squares", [False, True])
def test_objects_stand_where_z_says(squares):
    from psmatch_core.pipeline.demo_images import COLOURS

    z = np.array([[0.2, 0.3, 0.7, 0.8], [0.5, 0.15, 0.31, 0.62]])
    images = render_images(z, squares=squares, size=64)
    for image, state in zip(images, z, strict=True):
        assert np.allclose(centre(image, COLOURS[squares][0]), state[:2], atol=0.01)
        assert np.allclose(centre(image, COLOURS[squares][1]), state[2:], atol=0.01)


def test_interventions_set_one_coordinate_and_leave_the_rest_uniform():
    z, label = draw_latents(12_000, seed=1)
    assert len(INTERVENTIONS) == 12
    assert np.bincount(label).tolist() == [1000] * 12
    for index in range(12):
        mine = z[label == index]
        coordinate, value = divmod(index, 3)
        assert np.all(mine[:, coordinate] == SET_TO[value])
        others = np.delete(mine, coordinate, axis=1)
        assert others.var(axis=0) == pytest.approx(np.full(3, 0.8**2 / 12), rel=0.15)


def test_the_transformation_is_a_turn():
    z = draw_latents(50, seed=0)[0]
    turned = z
    for _ in range(4):
        turned = turn_positions(turned)
    assert np.allclose(turned, z)
    assert not np.allclose(turn_positions(z), z)


def test_same_seed_same_picture_and_distractors_differ_between_modalities():
    z = np.full((30, 4), 0.5)
    a, b = render_images(z, squares=False, size=32, seed=3), render_images(z, squares=False, size=32, seed=3)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, render_images(z, squares=False, size=32, seed=4))
    shade = [np.median(render_images(z, squares=each, size=32, seed=3), axis=(1, 2, 3)) for each in (False, True)]
    assert abs(np.corrcoef(*shade)[0, 1]) < 0.6  # z does not vary: what is left is the background


def test_images_too_small_are_refused():
    with pytest.raises(PsmatchError, match="Images of 8 × 8 pixels are too small"):
        render_images(np.zeros((1, 4)), squares=False, size=8)


def test_the_two_sides_share_cells_and_latents():
    source, target = interventional_images(n_shared=60, n_source_only=24, n_target_only=12)
    assert (source.n_obs, target.n_obs) == (84, 72)
    z = dict(zip(source.obs["cell"], source.obsm["latent"], strict=True))
    both = [cell in z for cell in target.obs["cell"]]
    assert sum(both) == 60
    for cell, latent in zip(target.obs["cell"][both], target.obsm["latent"][both], strict=True):
        assert np.array_equal(z[cell], latent)
