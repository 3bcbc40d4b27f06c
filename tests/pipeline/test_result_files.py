"""Every result comes back equal; files are whole or absent; nothing is unpickled."""

import json

import numpy as np
import pytest

from psmatch_core.base import array_files, disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.baselines import JointLatents, JointVAE, fit_joint_vae
from psmatch_core.classification.classifiers import MLPClassifier, RecommendedClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import ExactMatcher, NeighborMatcher, SinkhornMatcher
from psmatch_core.pipeline import result_files
from tests.conftest import make_modality


def test_modality_comes_back_equal(tmp_path):
    modality = make_modality()
    again = result_files.load_modality(result_files.save(modality, tmp_path / "m.npz"))
    assert again.fingerprint == modality.fingerprint
    assert again.findings == modality.findings
    assert (again.name, again.label_key) == (modality.name, modality.label_key)


def test_preprocessing_comes_back_equal(tmp_path):
    modality = make_modality()
    fitted = Preprocessing(n_components=3).fit(modality)
    again = result_files.load_preprocessing(result_files.save(fitted, tmp_path / "p.npz"))
    assert np.array_equal(again.transform(modality).X, fitted.transform(modality).X)
    assert again.notes == fitted.notes


def test_propensity_comes_back_equal_and_scores_new_cells(tmp_path):
    modality = make_modality(n=45)
    model = fit_propensity(modality, RecommendedClassifier(n_networks=2))
    again = result_files.load_propensity(result_files.save(model, tmp_path / "s.npz"), modality)
    assert np.array_equal(again.logits, model.logits)
    assert again.validation_loss == model.validation_loss
    assert again.curves == model.curves
    assert again.classifier == model.classifier
    assert np.allclose(again.score(modality.X[:5]), model.logits[:5], atol=1e-6)


def test_latents_come_back_equal_and_place_new_cells(tmp_path):
    sides = make_modality("RNA", n=45), make_modality("ADT", n=36, n_features=5, seed=1)
    network = MLPClassifier(hidden=(8, 6), batch_norm=True, n_epochs=3)
    for latents in fit_joint_vae(*sides, JointVAE(network=network, n_latent=3)):
        again = result_files.load_scored(result_files.save(latents, tmp_path / "l.npz"), latents.modality)
        assert isinstance(again, JointLatents)
        for name in result_files.LATENT_ARRAYS:
            assert np.array_equal(getattr(again, name), getattr(latents, name), equal_nan=True)
        assert (again.vae, again.best, again.curves, again.notes) == (
            latents.vae, latents.best, latents.curves, latents.notes,
        )  # fmt: skip
        assert np.array_equal(again.encode(latents.modality.X[:5]), latents.latents[:5])


def test_latents_are_not_taken_for_propensities(tmp_path):
    modality = make_modality(n=45)
    latents, _ = fit_joint_vae(modality, make_modality("ADT", seed=1), JointVAE(network=MLPClassifier(n_epochs=1)))
    with pytest.raises(PsmatchError, match="holds joint VAE latents, not a propensity model"):
        result_files.load_propensity(result_files.save(latents, tmp_path / "l.npz"), modality)


@pytest.mark.parametrize("matcher", [SinkhornMatcher(), NeighborMatcher(n_neighbors=3), ExactMatcher()], ids=repr)
def test_coupling_comes_back_equal(tmp_path, models, matcher):
    coupling = match(*models, matcher)
    again = result_files.load_coupling(result_files.save(coupling, tmp_path / "c.npz"), *models)
    assert [status.label for status in again.statuses] == [status.label for status in coupling.statuses]
    assert again.statuses[0].outcome is coupling.statuses[0].outcome
    for label in coupling:
        assert np.array_equal(again[label].to_array(), coupling[label].to_array())


def test_scores_of_other_cells_are_refused(tmp_path, models):
    path = result_files.save(models[0], tmp_path / "s.npz")
    with pytest.raises(PsmatchError, match="holds scores of 66 cells, RNA has 60"):
        result_files.load_propensity(path, make_modality())


def test_a_damaged_file_is_said(tmp_path):
    path = result_files.save(make_modality(), tmp_path / "m.npz")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(PsmatchError, match=r"m\.npz cannot be read as a result"):
        result_files.load_modality(path)


def test_a_file_of_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "evil.npz", X=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(PsmatchError, match="cannot be read"):
        array_files.read_arrays(tmp_path / "evil.npz")


def test_a_later_format_is_named(tmp_path):
    array_files.write_arrays(tmp_path / "new.npz", {"a": np.zeros(1)}, {"format": array_files.FORMAT + 1})
    with pytest.raises(PsmatchError, match="written by a later version"):
        array_files.read_arrays(tmp_path / "new.npz")


def test_a_failed_write_leaves_the_old_file_and_no_partial(tmp_path):
    path = disk.write_json(tmp_path / "a.json", {"old": True})

    def fail(stream):
        stream.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        disk.write_whole(path, fail)
    assert json.loads(path.read_text()) == {"old": True}
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]
