"""Image stacks as data: flat rows with their shape, left unchanged by preprocessing."""

import base64
import io as bytes_io
from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import CNNClassifier, LinearClassifier, MLPClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.images import contact_sheet, fitting_shape, picture, pixel_names
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.demo_data import interventional_images
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from tests.conftest import make_modality

N = 48
STACK = np.random.default_rng(0).integers(0, 256, (N, 2, 9, 7), dtype=np.uint8)
QUICK = CNNClassifier(channels=(4, 4), n_epochs=2)


def adata_of(stack=STACK):
    obs = pd.DataFrame({"label": ["a", "b", "c"] * (stack.shape[0] // 3)}, index=[f"c{i}" for i in range(len(stack))])
    return anndata.AnnData(X=np.ones((len(stack), 2), np.float32), obs=obs, obsm={"photo": stack})


def modality(stack=STACK, name="Photos"):
    return Modality.from_anndata(adata_of(stack), label_key="label", name=name, matrix="obsm/photo")


def test_a_stack_in_obsm_lies_flat_with_its_shape():
    photos = modality()
    assert photos.image_shape == (2, 9, 7)
    assert photos.X.dtype == np.uint8
    assert np.array_equal(photos.in_shape(photos.X), STACK)
    assert photos.var_names[-1] == "photo c1 y08 x06"
    assert "48 cells, images, 2 × 9 × 7" in repr(photos)
    assert modality(STACK / 255).X.dtype == np.float64


def test_flat_rows_with_their_shape_in_uns_are_the_same_images():
    flat = adata_of()
    flat = anndata.AnnData(
        X=STACK.reshape(N, -1), obs=flat.obs, var=pd.DataFrame(index=pixel_names((2, 9, 7), "photo"))
    )
    flat.uns["image_shape"] = np.array([2, 9, 7])
    again = Modality.from_anndata(flat, label_key="label", name="Photos")
    assert again.fingerprint == modality().fingerprint


def test_a_shape_that_does_not_fit_is_no_shape():
    assert fitting_shape([2, 9, 7], 126) == (2, 9, 7)
    assert fitting_shape([2, 9, 8], 126) is None
    assert fitting_shape(126, 126) is None
    assert fitting_shape("126", 126) is None


def test_shape_is_part_of_the_fingerprint_and_survives_saving_and_selecting(tmp_path):
    photos = modality()
    turned = modality(STACK.reshape(N, 2, 7, 9))
    assert photos.fingerprint != turned.fingerprint
    assert result_files.load_modality(result_files.save(photos, tmp_path / "m.npz")).fingerprint == photos.fingerprint
    some = photos.select(np.arange(N) < 10, "test")
    assert (some.image_shape, some.X.dtype) == ((2, 9, 7), np.uint8)


def test_preprocessing_leaves_images_alone_and_reports_it(tmp_path):
    photos = modality()
    fitted = Preprocessing(n_components=5).fit(photos)
    assert fitted.transform(photos) is photos
    assert fitted.readable(photos) is photos
    assert "images, 2 × 9 × 7, not preprocessed" in fitted.notes[0]
    assert "The settings n_components apply to features only and were not used." in fitted.notes[0]
    again = result_files.load_preprocessing(result_files.save(fitted, tmp_path / "p.npz"))
    assert again.transform(photos) is photos
    with pytest.raises(PsmatchError, match="fitted on images, 2 × 9 × 7, these cells are images, 2 × 7 × 9"):
        again.transform(replace(photos, image_shape=(2, 7, 9)))


def test_channels_last_is_refused():
    with pytest.raises(PsmatchError, match="seem to have their channels last"):
        modality(np.moveaxis(np.repeat(STACK, 4, axis=2), 1, -1))


@pytest.mark.parametrize("classifier", [MLPClassifier(), LinearClassifier()])
def test_a_classifier_of_features_refuses_images(classifier):
    with pytest.raises(PsmatchError, match=r"Photos: .* reads features, but these cells are images, 2 × 9 × 7"):
        fit_propensity(modality(), classifier)


def test_the_network_for_images_refuses_features_before_anything_trains():
    with pytest.raises(PsmatchError, match="RNA: a convolutional network reads images, but each cell is 8 features"):
        run(Recipe(classifier=QUICK), modality(), make_modality("RNA", labels=("a", "b", "c")), progress=_no_training)


def _no_training(event, /):
    assert not event.stage.startswith("propensity")


def test_new_images_are_scored_from_flat_rows():
    photos = modality()
    model = fit_propensity(photos, QUICK)
    assert np.allclose(model.score(photos.X[:5]), model.logits[:5], atol=1e-5)


def test_images_and_features_are_matched_by_the_recommended_classifier():
    recipe = Recipe().with_setting("classifier.n_networks", 1).with_setting("classifier.image_network.n_epochs", 2)
    recipe = recipe.with_setting("classifier.image_network.channels", [4, 4])
    result = run(recipe, modality(), make_modality("RNA", labels=("a", "b", "c")))
    assert set(result.coupling.labels) == {"a", "b", "c"}
    assert any("not preprocessed" in note for note in result.notes)


def test_the_contact_sheet_is_a_picture_of_the_images():
    from PIL import Image

    source, _ = interventional_images(n_shared=24, n_source_only=0, n_target_only=0)
    sheet = Image.open(bytes_io.BytesIO(base64.b64decode(contact_sheet(source.X, (3, 32, 32), n_images=4))))
    pixels = np.asarray(sheet)
    assert pixels.shape == (32, 4 * 32 + 3 * 2, 3)
    assert np.array_equal(pixels[:, 34:66], source.X[1].reshape(3, 32, 32).transpose(1, 2, 0))
    large = np.random.default_rng(0).normal(size=(2, 400 * 400))  # thinned out to every fifth pixel
    grey = Image.open(bytes_io.BytesIO(base64.b64decode(contact_sheet(large, (1, 400, 400)))))
    assert grey.size == (2 * 80 + 2, 80)


def test_a_picture_keeps_its_pixels_and_is_enlarged_whole():
    from io import BytesIO

    from PIL import Image

    pixels = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    shown = np.asarray(Image.open(BytesIO(picture(pixels.ravel(), (3, 4, 5)))))
    assert shown.shape == (4 * 19, 5 * 19, 3)
    assert np.array_equal(shown[::19, ::19].transpose(2, 0, 1), pixels)
    grey = np.asarray(Image.open(BytesIO(picture(np.array([0.0, 1, 2, 4]), (1, 2, 2), low=0, high=4))))
    assert grey[::48, ::48].ravel().tolist() == [0, 64, 128, 255]
    assert np.asarray(Image.open(BytesIO(picture(np.zeros(3 * 400 * 300), (3, 400, 300))))).shape == (80, 60, 3)
