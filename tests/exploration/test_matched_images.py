"""Matches as pictures: the weights are those of the plan, the mean is the translation, the label's mean has R² 0."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.exploration.matched_images import matched_images
from psmatch_core.matching.blocks import DenseBlock, uniform_block
from psmatch_core.pipeline.demo_data import interventional_images

COLUMNS = np.array([4, 1, 7, 2])


@pytest.fixture(scope="module")
def squares():
    adata = interventional_images(n_shared=24, n_source_only=0, n_target_only=0, size=16)[1]
    return Modality.from_anndata(adata, label_key="label", name="Squares")


def test_the_heaviest_matches_come_first_and_their_mean_is_that_of_all(squares):
    mass = np.array([[0.1, 0.5, 0.0, 0.4], [1, 1, 1, 1]])
    found = matched_images(DenseBlock(mass / mass.sum()), 0, COLUMNS, squares, top=2)
    assert found.rows.tolist() == [1, 2]
    assert found.weights == pytest.approx([0.5, 0.4])
    assert np.array_equal(found.matches, squares.X[[1, 2]])
    assert found.mean == pytest.approx(mass[0] @ squares.X[COLUMNS].astype(float))
    assert found.label_mean == pytest.approx(squares.X[COLUMNS].astype(float).mean(axis=0))
    assert found.partner is None
    assert np.isnan(found.r2)
    assert len(matched_images(DenseBlock(mass / mass.sum()), 0, COLUMNS, squares).rows) == 3  # one has no weight


def test_the_true_partner_alone_has_r2_one_and_a_uniform_plan_zero(squares):
    alone = DenseBlock(np.array([[0, 0, 1.0, 0]]))
    assert matched_images(alone, 0, COLUMNS, squares, partner=7).r2 == pytest.approx(1)
    assert matched_images(uniform_block(1, 4), 0, COLUMNS, squares, partner=7).r2 == pytest.approx(0, abs=1e-9)
    assert matched_images(alone, 0, COLUMNS, squares, partner=1).r2 < 0


def test_a_cell_without_a_match_has_no_translation(squares):
    found = matched_images(DenseBlock(np.array([[0.0] * 4, [0.25] * 4])), 0, COLUMNS, squares, partner=7)
    assert found.mean is None
    assert found.rows.size == 0
    assert np.isnan(found.r2)


def test_without_images_it_is_refused(squares):
    with pytest.raises(PsmatchError, match="Squares holds no images"):
        matched_images(uniform_block(1, 4), 0, COLUMNS, replace(squares, image_shape=None))
