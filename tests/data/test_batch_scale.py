"""Standardising within batches: known answers, plates that differ in shift and scale, controls that are missing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import stats

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.feature_selection import distinct_features
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.stage_keys import features_key

ROBUST = Preprocessing(batch_scaling="robust z", batch_key="plate", batch_controls=("DMSO",), scale=False)
NAMES = ["Cells_AreaShape_Area", "Cells_Texture_Contrast_DNA", "Nuclei_Intensity_Mean_ER", "Nuclei_AreaShape_Area"]


def profiles(n=90, seed=0):
    """Wells of three plates; a third of the wells are DMSO."""
    rng = np.random.default_rng(seed)
    obs = pd.DataFrame({"label": np.array(["DMSO", "A", "B"])[np.arange(n) % 3]}, index=[f"w{i}" for i in range(n)])
    obs["plate"] = np.array(["P1", "P2", "P3"])[np.arange(n) // (n // 3)]
    X = rng.gamma(4.0, 10.0, size=(n, 4)) + 30 * (obs["label"] == "A").to_numpy()[:, None]
    return AnnData(X=X.astype(np.float32), obs=obs, var=pd.DataFrame(index=NAMES))


def modality(adata):
    return Modality.from_anndata(adata, label_key="label", name="Cell Painting")


def features(adata, config=ROBUST):
    side = modality(adata)
    return config.fit(side).transform(side).X


def shifted(adata):
    """The same wells as plates of other stain and exposure measure them."""
    other = adata.copy()
    codes = pd.Categorical(adata.obs["plate"]).codes
    gain, offset = np.array([[1.0, 2.5, 0.4], [0.0, 300.0, -20.0]])[:, codes]
    other.X = (adata.X * gain[:, None] + offset[:, None]).astype(np.float32)
    return other


def test_the_answer_is_the_median_and_the_mad_of_the_controls_of_the_plate():
    adata = profiles()
    z = features(adata)
    for plate in ("P1", "P2", "P3"):
        here = (adata.obs["plate"] == plate).to_numpy()
        controls = adata.X[here & (adata.obs["label"] == "DMSO").to_numpy()]
        mad = stats.median_abs_deviation(controls, axis=0, scale="normal")
        assert np.allclose(z[here], np.clip((adata.X[here] - np.median(controls, axis=0)) / mad, -10, 10), atol=1e-3)


@pytest.mark.parametrize("how", ["robust z", "z"])
@pytest.mark.parametrize("controls", [("DMSO",), ()])
def test_shift_and_scale_of_a_plate_cancel(how, controls):
    config = replace(ROBUST, batch_scaling=how, batch_controls=controls)
    assert np.allclose(features(profiles(), config), features(shifted(profiles()), config), atol=2e-3)
    one = replace(config, batch_key="")  # all wells together: they do not cancel
    assert not np.allclose(features(profiles(), one), features(shifted(profiles()), one), atol=0.5)


def test_cells_other_than_controls_do_not_move_the_scale():
    adata = profiles()
    z = features(adata)
    treated = (adata.obs["label"] == "A").to_numpy()
    adata.X[treated] += 1e4
    again = features(adata)
    assert np.array_equal(again[~treated], z[~treated])
    assert (again[treated] == 10).all()


def test_clipped_values_are_counted_and_none_is_clipped_at_0():
    adata = profiles()
    adata.X[1, 0], adata.X[4, 1] = 1e5, -1e5
    fitted = ROBUST.fit(modality(adata))
    z = fitted.transform(modality(adata)).X
    assert (z[1, 0], z[4, 1]) == (10, -10)
    n_clipped = int((np.abs(features(adata, replace(ROBUST, largest_z=0))) > 10).sum())
    assert any(f"{n_clipped} values of 360 clipped at ±10" in note for note in fitted.notes)
    assert np.abs(features(adata, replace(ROBUST, largest_z=0))).max() > 100


def test_a_feature_that_controls_do_not_vary_in_is_left_out_and_named():
    adata = profiles()
    flat = (adata.obs["plate"] == "P2").to_numpy() & (adata.obs["label"] == "DMSO").to_numpy()
    adata.X[flat, 1] = 7.0
    fitted = ROBUST.fit(modality(adata))
    assert fitted.transform(modality(adata)).var_names.tolist() == [NAMES[0], NAMES[2], NAMES[3]]
    assert any("1 feature left out" in note and "Cells_Textu" in note for note in fitted.notes)


@pytest.mark.parametrize("left", [0, 2])
def test_a_plate_with_too_few_controls_is_an_error_that_names_it(left):
    adata = profiles()
    on_p3 = np.flatnonzero((adata.obs["plate"] == "P3").to_numpy() & (adata.obs["label"] == "DMSO").to_numpy())
    few = adata[np.setdiff1d(np.arange(adata.n_obs), on_p3[left:])].copy()
    with pytest.raises(PsmatchError, match=rf"fewer than 3 control cells in P3 \({left}\)"):
        features(few)
    assert features(few, replace(ROBUST, batch_controls=())).shape == (few.n_obs, 4)


def test_a_plate_with_few_controls_is_told():
    adata = profiles()
    on_p3 = np.flatnonzero((adata.obs["plate"] == "P3").to_numpy() & (adata.obs["label"] == "DMSO").to_numpy())
    few = adata[np.setdiff1d(np.arange(adata.n_obs), on_p3[4:])].copy()
    assert any("few control cells in P3 (4)" in note for note in ROBUST.fit(modality(few)).notes)
    assert not any("few control cells" in note for note in ROBUST.fit(modality(adata)).notes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch_key": "batch"}, "no column batch that names the batch"),
        ({"batch_controls": ("water",)}, "No cell has the label water"),
    ],
)
def test_a_column_or_label_that_is_not_there_is_an_error(change, words):
    with pytest.raises(PsmatchError, match=words):
        features(profiles(), replace(ROBUST, **change))


def test_a_cell_without_a_plate_is_an_error():
    adata = profiles()
    adata.obs.loc["w4", "plate"] = None
    with pytest.raises(PsmatchError, match="1 cell of 90 have no batch in column plate"):
        features(adata)


def test_a_control_label_without_cells_beside_others_is_told():
    fitted = replace(ROBUST, batch_controls=("DMSO", "water")).fit(modality(profiles()))
    assert any("no cell has the control label water" in note for note in fitted.notes)


def test_new_cells_are_standardised_by_their_own_plate_and_one_alone_as_among_all():
    side = modality(profiles())
    fitted = ROBUST.fit(side)
    alone = side.select(np.arange(90) == 41, "test")
    assert np.array_equal(fitted.transform(alone).X[0], fitted.transform(side).X[41])
    raw = fitted.readable_values(side.X[41:42], ["P2"])
    assert np.array_equal(raw, fitted.readable(alone).X)
    with pytest.raises(PsmatchError, match="1 batch of these cells, P9, had no cells"):
        fitted.readable_values(side.X[41:42], ["P9"])
    with pytest.raises(PsmatchError, match="within batches of plate, which is not given"):
        fitted.readable_values(side.X[41:42])


def test_the_fitted_scale_is_stored_and_knows_its_cells_without_their_column(tmp_path):
    side = modality(profiles())
    fitted = ROBUST.fit(side)
    result_files.save(fitted, tmp_path / "fitted.npz")
    loaded = result_files.load_preprocessing(tmp_path / "fitted.npz")
    bare = replace(side, obs=None)  # as the folder of a run keeps the cells
    assert np.array_equal(loaded.readable(bare).X, fitted.readable(side).X)
    with pytest.raises(PsmatchError, match="no column plate"):
        loaded.readable(replace(bare, obs_names=np.array([f"new{i}" for i in range(90)])))


def test_the_plates_are_part_of_the_key_of_the_features_only_where_they_are_used():
    side, other = modality(profiles()), profiles()
    other.obs["plate"] = np.roll(other.obs["plate"].to_numpy(), 1)
    other = modality(other)
    assert features_key(side, ROBUST, 0) != features_key(other, ROBUST, 0)
    assert features_key(side, Preprocessing(), 0) == features_key(other, Preprocessing(), 0)


def test_no_two_features_that_are_kept_correlate_above_the_threshold_and_each_other_one_repeats_one():
    rng = np.random.default_rng(1)
    base = rng.normal(size=(300, 6))
    X = np.hstack([base, base + 0.1 * rng.normal(size=base.shape), -base[:, :2], np.ones((300, 1))])
    kept = distinct_features(X, 0.9, "it")
    with np.errstate(all="ignore"):
        correlation = np.nan_to_num(np.abs(np.corrcoef(X.T)))
    among = correlation[np.ix_(kept, kept)] - np.eye(kept.size)
    gone = np.setdiff1d(np.arange(X.shape[1]), kept)
    assert among.max() <= 0.9
    assert (correlation[np.ix_(gone, kept)].max(axis=1) > 0.9).all()
    assert kept.size == 7  # one of each copy, and the constant one


def test_of_exact_copies_the_first_is_kept_whatever_their_sign_or_unit():
    base = np.random.default_rng(2).normal(size=(100, 3))
    X = np.hstack([base, -2 * base, 1000 * base + 5])
    assert distinct_features(X, 0.99, "it").tolist() == [0, 1, 2]


def test_redundant_features_are_left_out_and_counted():
    adata = profiles()
    adata.X[:, 3] = 5 * adata.X[:, 0] + 1
    fitted = replace(ROBUST, largest_correlation=0.9).fit(modality(adata))
    assert fitted.transform(modality(adata)).n_features == 3
    assert any("1 feature left out that correlate above 0.9" in note for note in fitted.notes)
