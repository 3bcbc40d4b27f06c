"""The key of a stage holds all that its result depends on: no run is handed the result of another."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.classification.baselines import JointVAE
from psmatch_core.classification.classifiers import LinearClassifier, RecommendedClassifier
from psmatch_core.classification.propensity import Scoring, fit_propensity
from psmatch_core.data.images import SHAPE_KEY
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.evaluation.held_out_groups import CellGroups
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import NeighborMatcher, UniformMatcher
from psmatch_core.pipeline import score_modalities
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.pipeline.stage_keys import (
    features_key,
    group_scores_key,
    halves_key,
    latents_key,
    map_key,
    matching_key,
    propensity_key,
    stage_key,
    translator_key,
)
from psmatch_core.translation.translators import RidgeTranslator
from psmatch_core.workspace.folder_stage_store import FolderStageStore
from psmatch_core.workspace.run_folder import RunFolder
from tests.conftest import make_modality

QUICK = Recipe(classifier=LinearClassifier(strength=0.1), matcher=UniformMatcher())
LABELS = ("A", "B", "C")


def changed(config, name):
    """The config with one option set to another value that it accepts."""
    value, declared = getattr(config, name), type(config).options()[name]
    if declared.choices:
        return replace(config, **{name: next(each for each in declared.choices if each != value)})
    return replace(config, **{name: value + 1})


CHANGES = {
    "seed": replace(QUICK, seed=1),
    "classifier": replace(QUICK, classifier=LinearClassifier(strength=0.2)),
    "source_preprocessing": replace(QUICK, source_preprocessing=Preprocessing(n_components=2)),
    "device": replace(QUICK, device="auto"),
    **{f"scoring.{name}": replace(QUICK, scoring=changed(QUICK.scoring, name)) for name in Scoring.options()},
}
OTHERWISE = {
    "matcher": replace(QUICK, matcher=NeighborMatcher()),
    "translator": replace(QUICK, translator=RidgeTranslator()),
    "nothing": QUICK,
}


@pytest.fixture
def trained(monkeypatch):
    """The names of the modalities whose classifiers were trained, in order."""
    names = []

    def counted(features, *arguments, **settings):
        names.append(features.name)
        return fit_propensity(features, *arguments, **settings)

    monkeypatch.setattr(score_modalities, "fit_propensity", counted)
    return names


def run_with_cache(folder, recipe):
    sides = make_modality("RNA", n=36), make_modality("ADT", n=30, n_features=5, seed=1)
    made = RunFolder.create(folder, recipe)
    return run(recipe, *sides, store=FolderStageStore(made, folder / "cache"))


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_setting_of_training_trains_anew(tmp_path, trained, name):
    run_with_cache(tmp_path, QUICK)
    del trained[:]
    run_with_cache(tmp_path, CHANGES[name])
    assert sorted(trained) == (["RNA"] if name.startswith("source") else ["ADT", "RNA"])


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_training_does_not_depend_on_finds_the_trained_models(tmp_path, trained, name):
    first = run_with_cache(tmp_path, QUICK)
    del trained[:]
    again = run_with_cache(tmp_path, OTHERWISE[name])
    assert trained == []
    assert np.array_equal(again.coupling.source.space, first.coupling.source.space)


def test_data_that_had_another_name_in_an_earlier_run_have_their_own_in_this_one(tmp_path):
    first = run_with_cache(tmp_path, QUICK)
    renamed = replace(make_modality("RNA", n=36), name="counts")
    made = RunFolder.create(tmp_path, QUICK)
    target = make_modality("ADT", n=30, n_features=5, seed=1)
    for _ in range(2):  # made anew, then found
        again = run(QUICK, renamed, target, store=FolderStageStore(made, tmp_path / "cache"))
        assert again.coupling.source.modality.name == "counts"
        np.testing.assert_allclose(again.coupling.source.space, first.coupling.source.space, atol=1e-4)
    assert run_with_cache(tmp_path, QUICK).coupling.source.modality.name == "RNA"


def test_a_translator_is_of_the_modalities_as_they_are_called_in_this_run(tmp_path):
    """Exports and predictions of new cells are called as the translator calls its modalities."""
    recipe = OTHERWISE["translator"]
    run_with_cache(tmp_path, recipe)
    sides = make_modality("RNA", n=36), make_modality("ADT", n=30, n_features=5, seed=1)
    renamed = [replace(side, name=name) for side, name in zip(sides, ("counts", "panel"), strict=True)]
    for _ in range(2):  # made anew, then found
        store = FolderStageStore(RunFolder.create(tmp_path, recipe), tmp_path / "cache")
        found = run(recipe, *renamed, store=store).translators
        called = {direction: (each.input_name, each.output_name) for direction, each in found.items()}
        assert called == {"target_to_source": ("counts", "panel"), "source_to_target": ("panel", "counts")}


def whole_numbers(name, seed=0, shape=()):
    rng = np.random.default_rng(seed)
    n_features = int(np.prod(shape)) if shape else 4
    obs = pd.DataFrame({"label": [*"AABBCC"]}, index=[f"cell{i}" for i in range(6)])
    adata = AnnData(X=rng.integers(0, 9, size=(6, n_features)).astype(np.float32), obs=obs)
    if shape:
        adata.uns[SHAPE_KEY] = np.array(shape)
    return Modality.from_anndata(adata, label_key="label", name=name)


RNA, ADT = whole_numbers("RNA"), whole_numbers("ADT", 1)


def all_distinct(keys):
    keys = list(keys)
    return len(set(keys)) == len(keys)


def test_each_part_of_a_propensity_model_is_in_its_key():
    recipes = [QUICK, *(CHANGES[name] for name in CHANGES if name != "source_preprocessing")]
    keys = [propensity_key(RNA, LABELS, recipe) for recipe in recipes]
    keys += [propensity_key(ADT, LABELS, QUICK), propensity_key(replace(RNA, name="ATAC"), LABELS, QUICK)]
    keys += [propensity_key(RNA, LABELS[::-1], QUICK), propensity_key(replace(RNA, X=RNA.X + 1), LABELS, QUICK)]
    assert all_distinct(keys)
    assert len({propensity_key(RNA, LABELS, recipe) for recipe in OTHERWISE.values()}) == 1


def test_halves_depend_on_the_folds_alone_of_all_scoring():
    first = halves_key(RNA, LABELS, QUICK, "cells")
    for name in Scoring.options():
        other = halves_key(RNA, LABELS, CHANGES[f"scoring.{name}"], "cells")
        assert (other != first) == (name == "n_folds"), name
    others = [halves_key(RNA, LABELS, CHANGES[name], "cells") for name in ("seed", "classifier", "device")]
    assert all_distinct([first, *others, halves_key(RNA, LABELS, QUICK, "features")])
    assert halves_key(ADT, LABELS, QUICK, "cells") != first != halves_key(RNA, LABELS[::-1], QUICK, "cells")


def test_halves_are_keyed_by_the_classifier_that_scores_them():
    """Five networks and six have the same lighter classifier, so their halves are the same."""
    five, six, ten = (
        halves_key(RNA, LABELS, replace(QUICK, classifier=RecommendedClassifier(n_networks=n)), "cells")
        for n in (5, 6, 10)
    )
    assert five == six != ten


def test_held_out_scores_of_several_modalities_depend_on_the_groups_and_the_place_of_the_modality():
    at = np.array([0, 1, 2, 0, 1, 2])
    groups = CellGroups(LABELS, {"RNA": at, "ADT": at})
    others = [group_scores_key(RNA, "RNA", groups, CHANGES[name]) for name in ("seed", "classifier", "device")]
    others += [
        group_scores_key(ADT, "RNA", groups, QUICK),
        group_scores_key(replace(RNA, name="ATAC"), "RNA", groups, QUICK),
        group_scores_key(RNA, "ADT", groups, QUICK),  # trained on another group
        group_scores_key(RNA, "RNA", CellGroups(LABELS[::-1], groups.groups), QUICK),
        group_scores_key(RNA, "RNA", CellGroups(LABELS, {"RNA": at[::-1], "ADT": at}), QUICK),
        group_scores_key(RNA, "RNA", CellGroups(LABELS, {**groups.groups, "ATAC": at}), QUICK),  # four groups
    ]
    first = group_scores_key(RNA, "RNA", groups, QUICK)
    assert all_distinct([first, *others])
    kept = [group_scores_key(RNA, "RNA", groups, recipe) for recipe in OTHERWISE.values()]
    assert set(kept) == {first}
    assert group_scores_key(RNA, "RNA", groups, CHANGES["scoring.n_folds"]) != first


def test_each_part_of_the_features_is_in_their_key():
    plain = Preprocessing()
    keys = [features_key(RNA, plain, 0), features_key(ADT, plain, 0), features_key(RNA, plain, 1)]
    keys += [features_key(RNA, Preprocessing(n_components=2), 0), features_key(RNA, Preprocessing(normalize="none"), 0)]
    assert all_distinct(keys)


def test_features_depend_on_the_batches_they_were_scaled_within():
    """Columns of the cells are not part of a modality's fingerprint."""
    one, other = (
        replace(RNA, obs=pd.DataFrame({"batch": [*batches]}, index=RNA.obs_names)) for batches in ("xxxyyy", "xyxyxy")
    )
    assert one.fingerprint == other.fingerprint
    within = Preprocessing(batch_scaling="z", batch_key="batch")
    assert features_key(one, within, 0) != features_key(other, within, 0)
    assert features_key(one, Preprocessing(), 0) == features_key(other, Preprocessing(), 0)


def test_latents_depend_on_both_modalities():
    recipe = replace(QUICK, space=JointVAE(n_latent=4))
    others = [
        latents_key("target", (RNA, ADT), LABELS, recipe),
        latents_key("source", (ADT, RNA), LABELS, recipe),
        latents_key("source", (RNA, RNA), LABELS, recipe),
        latents_key("source", (RNA, replace(ADT, name="ATAC")), LABELS, recipe),
        latents_key("source", (RNA, ADT), LABELS[::-1], recipe),
        latents_key("source", (RNA, ADT), LABELS, replace(recipe, seed=1)),
        latents_key("source", (RNA, ADT), LABELS, replace(recipe, space=JointVAE(n_latent=5))),
    ]
    first = latents_key("source", (RNA, ADT), LABELS, recipe)
    assert all_distinct([first, *others])
    assert latents_key("source", (RNA, ADT), LABELS, replace(recipe, classifier=LinearClassifier())) == first


def test_translators_maps_and_reports_belong_to_one_matching(models):
    coupling = match(*models, UniformMatcher())
    swapped = match(*models[::-1], UniformMatcher())
    recipes = [QUICK, *(CHANGES[name] for name in CHANGES if name != "source_preprocessing")]
    keys = [translator_key("target_to_source", coupling, recipe, inputs=RNA, outputs=ADT) for recipe in recipes]
    keys += [
        translator_key("target_to_source", coupling, OTHERWISE[name], inputs=RNA, outputs=ADT)
        for name in ("matcher", "translator")
    ]
    keys += [translator_key("source_to_target", coupling, QUICK, inputs=RNA, outputs=ADT)]
    keys += [translator_key("target_to_source", coupling, QUICK, inputs=ADT, outputs=RNA)]
    keys += [translator_key("target_to_source", swapped, QUICK, inputs=RNA, outputs=ADT)]
    sides = [(replace(RNA, name="ATAC"), ADT), (RNA, replace(ADT, name="ATAC"))]
    ids = np.array([f"cell {i}" for i in range(6)])
    sides += [(replace(RNA, pair_ids=ids), ADT), (RNA, replace(ADT, pair_ids=ids))]
    keys += [translator_key("target_to_source", coupling, QUICK, inputs=one, outputs=other) for one, other in sides]
    assert all_distinct(keys)
    matcher, seed = OTHERWISE["matcher"], CHANGES["seed"]
    assert all_distinct(
        [matching_key(coupling, QUICK), matching_key(coupling, matcher), matching_key(coupling, seed),
         matching_key(swapped, QUICK)]
    )  # fmt: skip
    assert all_distinct(
        [map_key("pca", models, 10, 0, by_label=True), map_key("umap", models, 10, 0, by_label=True),
         map_key("pca", models, 11, 0, by_label=True), map_key("pca", models, 10, 1, by_label=True),
         map_key("pca", models[::-1], 10, 0, by_label=True), map_key("pca", models, 10, 0, by_label=False)]
    )  # fmt: skip


def test_keys_are_those_of_earlier_versions():
    """A new option of a config changes keys, and every model is trained again: say so in the changelog."""
    preprocessing = replace(Preprocessing(), normalize="none")
    assert stage_key("a", 1, [True, None]) == "eed6bbb3adb53195c6e683895ba60db8"
    assert features_key(RNA, preprocessing, 3) == "1fc72c2ee0052df9a0c6510df5e0dd9c"
    assert propensity_key(RNA, LABELS, replace(QUICK, seed=3)) == "2cb34f01aab2431f5b02f1cabd4f5fcd"
    assert latents_key("source", (RNA, ADT), LABELS, replace(QUICK, seed=3)) == "7c9548e3ff22a77276fe535b28a2e764"
