"""Every result comes back equal; a file says what it holds; nothing is unpickled."""

import json
from dataclasses import fields

import numpy as np
import pytest
from scipy import sparse

from psmatch_core.base import array_files, disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.classification.baselines import JointLatents, JointVAE, fit_joint_vae
from psmatch_core.classification.classifiers import MLPClassifier, RecommendedClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.evaluation.held_out_pairs import HeldOutScores
from psmatch_core.exploration.maps import map_scores
from psmatch_core.matching.link import LinkedPositions
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import ExactMatcher, NeighborMatcher, SinkhornMatcher, UniformMatcher
from psmatch_core.monitor.halves import HalfScores
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.result_formats import FORMATS, LATENT_ARRAYS
from psmatch_core.translation.fit import fit_translator
from psmatch_core.translation.translators import RidgeTranslator
from tests.conftest import make_modality

CLOSE = {"rtol": 1e-5, "atol": 1e-6}  # computed again from equal arrays: a BLAS may round in another order


def test_modality_comes_back_equal(tmp_path):
    modality = make_modality()
    again = result_files.load_modality(result_files.save(modality, tmp_path / "m.npz"))
    assert again.fingerprint == modality.fingerprint
    assert again.findings == modality.findings
    assert (again.name, again.label_key) == (modality.name, modality.label_key)


def test_sparse_features_that_were_scaled_come_back_equal(tmp_path):
    X = sparse.random(60, 9, density=0.3, format="csr", dtype=np.float32, random_state=0)
    modality = make_modality(n=60).with_features(ShiftedRows(X, np.arange(9, dtype=np.float32)), list("abcdefghi"))
    again = result_files.load_modality(result_files.save(modality, tmp_path / "m.npz"))
    assert np.array_equal(again.X.toarray(), modality.X.toarray())
    assert again.fingerprint == modality.fingerprint


def test_preprocessing_comes_back_equal(tmp_path):
    modality = make_modality()
    fitted = Preprocessing(n_components=3).fit(modality)
    again = result_files.load_preprocessing(result_files.save(fitted, tmp_path / "p.npz"))
    for each in fields(fitted):
        assert np.array_equal(getattr(again, each.name), getattr(fitted, each.name)), each.name
    assert np.allclose(again.transform(modality).X, fitted.transform(modality).X, **CLOSE)


def test_propensity_comes_back_equal_and_scores_new_cells(tmp_path):
    modality = make_modality(n=45)
    model = fit_propensity(modality, RecommendedClassifier(n_networks=2))
    again = result_files.load_propensity(result_files.save(model, tmp_path / "s.npz"), modality)
    assert np.array_equal(again.logits, model.logits)
    assert again.validation_loss == model.validation_loss
    assert again.curves == model.curves
    assert (again.classifier, again.scoring, again.seed) == (model.classifier, model.scoring, model.seed)
    assert np.allclose(again.score(modality.X[:5]), model.logits[:5], **CLOSE)


def test_latents_come_back_equal_and_place_new_cells(tmp_path):
    sides = make_modality("RNA", n=45), make_modality("ADT", n=36, n_features=5, seed=1)
    network = MLPClassifier(hidden=(8, 6), batch_norm=True, n_epochs=3)
    for latents in fit_joint_vae(*sides, JointVAE(network=network, n_latent=3)):
        again = result_files.load_scored(result_files.save(latents, tmp_path / "l.npz"), latents.modality)
        assert isinstance(again, JointLatents)
        for name in LATENT_ARRAYS:
            assert np.array_equal(getattr(again, name), getattr(latents, name), equal_nan=True)
        assert (again.vae, again.best, again.curves, again.notes) == (
            latents.vae, latents.best, latents.curves, latents.notes,
        )  # fmt: skip
        assert np.allclose(again.encode(latents.modality.X[:5]), latents.latents[:5], **CLOSE)


@pytest.mark.parametrize("matcher", [SinkhornMatcher(), NeighborMatcher(n_neighbors=3), ExactMatcher()], ids=repr)
def test_coupling_comes_back_equal(tmp_path, models, matcher):
    coupling = match(*models, matcher)
    again = result_files.load_coupling(result_files.save(coupling, tmp_path / "c.npz"), *models)
    assert repr(again.statuses) == repr(coupling.statuses)  # a text, because NaN is not equal to itself
    for label in coupling:
        assert type(again[label]) is type(coupling[label])
        assert np.allclose(again[label].to_array(), coupling[label].to_array(), **CLOSE)


def test_maps_halves_and_held_out_scores_come_back_equal(tmp_path, models):
    drawn = map_scores(*models)
    halves = HalfScores(models[0].logits, models[0].held_out_logits)
    held_out = HeldOutScores(models[0].held_out_logits)
    for load, result in (
        (result_files.load_score_map, drawn),
        (result_files.load_halves, halves),
        (result_files.load_held_out_scores, held_out),
    ):
        again = load(result_files.save(result, tmp_path / "r.npz"))
        for each in fields(result):
            assert np.array_equal(getattr(again, each.name), getattr(result, each.name), equal_nan=True), each.name


@pytest.fixture(scope="module")
def every(models):
    """One result of each format."""
    coupling = match(*models, UniformMatcher())
    inputs, outputs = models[0].modality, models[1].modality
    latents, _ = fit_joint_vae(inputs, outputs, JointVAE(network=MLPClassifier(n_epochs=1)))
    return [
        inputs,
        Preprocessing().fit(inputs),
        models[0],
        latents,
        coupling,
        fit_translator(coupling, RidgeTranslator(), direction="target_to_source", inputs=inputs, outputs=outputs),
        map_scores(*models),
        HalfScores(models[0].logits, models[0].logits),
        HeldOutScores(models[0].logits),
        LinkedPositions(models[0].logits),
    ]


def loaders(models):
    modality = models[0].modality
    return {
        "modality": result_files.load_modality,
        "preprocessing": result_files.load_preprocessing,
        "propensity model": lambda path: result_files.load_propensity(path, modality),
        "joint latents": lambda path: result_files.load_scored(path, modality),
        "coupling": lambda path: result_files.load_coupling(path, *models),
        "translator": result_files.load_translator,
        "map of scores": result_files.load_score_map,
        "halves": result_files.load_halves,
        "held-out scores": result_files.load_held_out_scores,
        "linked positions": result_files.load_linked,
    }


def rewritten(path, **changes):
    """The file with changes of its plain data; None takes an entry out."""
    arrays, meta = array_files.read_arrays(path)
    meta = {key: value for key, value in {**meta, **changes}.items() if value is not None}
    return array_files.write_arrays(path, arrays, meta)


def test_each_file_says_what_it_holds_and_is_taken_for_nothing_else(tmp_path, models, every):
    load = loaders(models)
    assert [each.kind for each in FORMATS] == list(load)
    for held, result in zip(FORMATS, every, strict=True):
        path = result_files.save(result, tmp_path / "file.npz")
        for kind in load:
            if kind == held.kind:
                assert type(load[kind](path)) is held.result
            elif {kind, held.kind} != {"joint latents", "propensity model"}:
                with pytest.raises(PsmatchError, match=r"file\.npz holds no .*: its content is of the kind"):
                    load[kind](path)
    path = result_files.save(every[3], tmp_path / "latents.npz")
    with pytest.raises(PsmatchError, match=r"latents\.npz holds no propensity model: .* kind 'joint latents'"):
        load["propensity model"](path)


def test_files_of_earlier_versions_name_no_kind_and_open(tmp_path, models, every):
    load = loaders(models)
    for held, result in zip(FORMATS, every, strict=True):
        path = result_files.save(result, tmp_path / "file.npz")
        rewritten(path, version=None, kind="joint latents" if held.kind == "joint latents" else None)
        assert type(load[held.kind](path)) is held.result


def test_a_later_version_of_a_kind_is_named(tmp_path):
    path = rewritten(result_files.save(make_modality(), tmp_path / "m.npz"), version=3)
    with pytest.raises(PsmatchError, match=r"m\.npz was written by a later version"):
        result_files.load_modality(path)


def test_what_has_no_format_is_refused(tmp_path):
    with pytest.raises(PsmatchError, match="A dict has no file format"):
        result_files.save({}, tmp_path / "d.npz")
    assert not (tmp_path / "d.npz").exists()


def test_scores_of_other_cells_are_refused(tmp_path, models):
    path = result_files.save(models[0], tmp_path / "s.npz")
    with pytest.raises(PsmatchError, match="The file holds scores of 66 cells, but RNA has 60"):
        result_files.load_propensity(path, make_modality())


def test_a_damaged_file_is_said(tmp_path):
    path = result_files.save(make_modality(), tmp_path / "m.npz")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(PsmatchError, match=r"m\.npz is damaged or not a result"):
        result_files.load_modality(path)


def test_a_file_of_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "evil.npz", X=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(PsmatchError, match="is damaged or not a result"):
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
