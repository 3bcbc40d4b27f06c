"""run: from two modalities to a coupling; every excluded cell is listed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.baselines import JointLatents, JointVAE, fit_joint_vae
from psmatch_core.classification.classifiers import LinearClassifier, MLPClassifier
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec
from psmatch_core.evaluation.evaluate import Judging
from psmatch_core.exports.pairs import choose_pairs
from psmatch_core.matching.matchers import (
    FusedGromovMatcher,
    GromovMatcher,
    NeighborMatcher,
    RandomMatcher,
    SharedSpaceMatcher,
    UnbalancedMatcher,
    UniformMatcher,
)
from psmatch_core.pipeline import result_files, score_modalities
from psmatch_core.pipeline.recipe import ExportRules, Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.translation.translators import RidgeTranslator
from psmatch_core.workspace.folder_stage_store import FolderStageStore
from psmatch_core.workspace.run_folder import RunFolder
from tests.conftest import make_adata, make_modality

QUICK = Recipe(classifier=LinearClassifier(strength=0.1))


def relabelled(name, labels, **settings):
    adata = make_adata(**settings)
    adata.obs["label"] = [labels.get(label, label) for label in adata.obs["label"]]
    return Modality.from_anndata(adata, label_key="label", name=name)


def pairs_of(result, top=10):
    return choose_pairs(result.coupling, ExportRules(top=top), seed=result.recipe.seed)


def test_the_short_way_works():
    result = run(QUICK, make_modality("RNA"), make_modality("ADT", n=45, n_features=5, seed=1))
    P = result.coupling["A"].to_array()
    assert P.shape == (20, 15)
    assert P.sum() == pytest.approx(1)
    assert result.evaluation is None
    assert set(result.distributions) == {"target_to_source", "source_to_target"}
    assert set(result.label_table["label"]) == {"A", "B", "C"}


def test_a_run_notes_a_preprocessing_that_suits_its_values_better_and_does_not_apply_it():
    def antibodies(seed):
        adata = make_adata(n=60, n_features=4, seed=seed)
        adata.X = np.random.default_rng(seed).poisson(np.exp(adata.X / 3) * 30).astype(np.float32)
        adata.var_names = ["CD3", "CD4", "CD8a", "CD19"]
        return Modality.from_anndata(adata, label_key="label", name="ADT")

    recipe = replace(QUICK, matcher=UniformMatcher()).with_setting("source_preprocessing.normalize", "clr")
    finished = run(recipe, antibodies(0), antibodies(1))
    (note,) = (each for each in finished.notes if "to apply it" in each)
    assert note.startswith("ADT: These are counts of proteins (CD3, CD4)")
    assert note.endswith("--set target_preprocessing.normalize=clr")
    assert finished.target_preprocessing.normalize == "log1p"


def test_without_pairs_translated_cells_are_compared_with_observed_ones_both_ways():
    sides = make_modality("RNA", n=150), make_modality("ADT", n=120, n_features=5, seed=1)
    result = run(QUICK, *sides).distributions
    assert [result[way].of for way in ("target_to_source", "source_to_target")] == ["ADT", "RNA"]
    for each in result.values():
        assert each.candidates == ("translated", "uniform", "floor")
        assert each.micro["uniform"]["kl"] == np.inf  # the weighted mean through a uniform plan is one point a label
        energy = {name: means["energy"] for name, means in each.micro.items()}
        assert max(energy["floor"], energy["translated"]) < energy["uniform"]


def test_where_pairs_are_known_held_out_pairs_are_judged_beside_all_pairs(tmp_path):
    sides = make_modality("RNA", n=90), make_modality("ADT", n=90, n_features=5)
    store = FolderStageStore(RunFolder(tmp_path), tmp_path / "cache")
    result = run(QUICK, *sides, store=store)
    assert len(result.held_out_evaluation.per_cell) == len(result.evaluation.per_cell) == 90
    assert result.held_out_evaluation.micro != result.evaluation.micro
    before = {path.name for path in (tmp_path / "cache").glob("held_out_scores-*.npz")}
    assert len(before) == 2  # another matcher uses the same scores
    other = run(replace(QUICK, matcher=UniformMatcher()), *sides, store=store)
    assert other.held_out_evaluation.micro["rank"] == pytest.approx(0.5)
    assert {path.name for path in (tmp_path / "cache").glob("held_out_scores-*.npz")} == before


def test_a_run_says_why_no_pairs_were_held_out():
    sides = make_modality("RNA", n=90), make_modality("ADT", n=90, n_features=5)
    asked = run(replace(QUICK, judging=Judging(held_out=False)), *sides)
    assert asked.held_out_evaluation is None
    assert "Held-out pairs were not judged (judging.held_out)." in asked.notes
    few = run(QUICK, *(make_modality(name, n=12) for name in ("RNA", "ADT")))
    assert few.held_out_evaluation is None
    assert "Held-out pairs need two labels with 6 true pairs each." in few.notes
    swept = run(QUICK, *sides, judges_held_out=False)
    assert swept.held_out_evaluation is None
    assert swept.evaluation is not None


@pytest.mark.parametrize("names", ["counted", "apart"])
def test_how_pairs_are_known_is_decided_before_the_run_and_everything_follows(names):
    """Counting names are no pairs: the clouds are compared, as where no name is shared."""
    counted = np.array([f"cell_{i}" for i in range(60)])
    sides = []
    for name, seed in (("RNA", 0), ("ADT", 1)):
        own = counted if names == "counted" else np.array([f"{name}{i}" for i in range(60)])
        sides.append(replace(make_modality(name, seed=seed), obs_names=own, pair_ids=None))
    result = run(QUICK, *sides)
    assert (result.evaluation, result.held_out_evaluation) == (None, None)
    assert set(result.distributions) == {"target_to_source", "source_to_target"}
    said = [note for note in result.notes if note.startswith("True pairs: not known.")]
    assert ("only number the cells" in said[0]) is (names == "counted")
    told = run(replace(QUICK, judging=Judging(pairs="equal names")), *sides)
    assert (told.evaluation is not None) is (names == "counted")
    # Whatever is decided about pairs, the matching is the same.
    for label, block in result.coupling.blocks.items():
        assert np.array_equal(block.to_array(), told.coupling[label].to_array())


def test_the_baseline_of_a_trained_translator_is_one_trained_without_a_matching():
    recipe = replace(QUICK, translator=RidgeTranslator())
    result = run(recipe, make_modality("RNA", n=150), make_modality("ADT", n=120, n_features=5, seed=1))
    means = result.distributions["target_to_source"].micro
    assert np.isfinite(means["uniform"]["kl"])
    assert means["uniform"] != means["translated"]


@pytest.mark.parametrize(
    "matcher",
    [
        UnbalancedMatcher(),
        GromovMatcher(n_neighbors=4),
        FusedGromovMatcher(relax=True),
        SharedSpaceMatcher(),
        RandomMatcher(),
    ],
    ids=lambda matcher: type(matcher).__name__,
)
def test_every_method_goes_the_whole_way(matcher, tmp_path):
    sides = make_modality("RNA"), make_modality("ADT", n=45, seed=1)
    result = run(replace(QUICK, matcher=matcher), *sides)
    assert set(result.coupling) == {"A", "B", "C"}
    pairs = pairs_of(result)
    assert set(pairs["source_cell"]) <= set(sides[0].obs_names)
    assert pairs.drop_duplicates("source_cell")["mass"].sum() == pytest.approx(60, rel=1e-2)
    assert Recipe.from_json(result.recipe.to_json()) == result.recipe
    again = result_files.load_coupling(
        result_files.save(result.coupling, tmp_path / "coupling.npz"), *(result.coupling.source, result.coupling.target)
    )
    assert np.allclose(again.to_sparse().toarray(), result.coupling.to_sparse().toarray())


def test_what_a_method_cannot_do_is_refused_before_training():
    events = []
    with pytest.raises(PsmatchError, match="share no feature space"):
        run(
            replace(QUICK, matcher=SharedSpaceMatcher()),
            make_modality("RNA"),
            make_modality("ADT", n=45, n_features=5, seed=1),
            progress=lambda event: events.append(event.stage),
        )
    assert not any(stage.startswith("propensity") for stage in events)


def test_same_seed_same_pairs_other_seed_other_folds():
    sides = make_modality("RNA"), make_modality("ADT", n=45, seed=1)
    first, again = (pairs_of(run(QUICK, *sides)) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    other = run(replace(QUICK, seed=1), *sides)
    held_out = run(QUICK, *sides).coupling.source.held_out_logits
    assert not np.allclose(other.coupling.source.held_out_logits, held_out)


def test_the_space_can_be_the_latents_of_a_joint_vae():
    vae = JointVAE(network=MLPClassifier(hidden=(16,), n_epochs=3), n_latent=4)
    sides = make_modality("RNA"), make_modality("ADT", n=45, n_features=5, seed=1)
    result = run(replace(QUICK, space=vae), *sides)
    assert isinstance(result.coupling.source, JointLatents)
    assert result.coupling.source.space.shape == (60, 4)
    assert result.coupling["A"].to_array().sum() == pytest.approx(1)
    again = run(replace(QUICK, space=vae), *sides)
    pd.testing.assert_frame_equal(pairs_of(result), pairs_of(again))


def test_both_latents_come_from_one_training_and_are_kept_by_content(tmp_path, monkeypatch):
    trained = []

    def counted(*arguments, **settings):
        trained.append(1)
        return fit_joint_vae(*arguments, **settings)

    monkeypatch.setattr(score_modalities, "fit_joint_vae", counted)
    vae = JointVAE(network=MLPClassifier(hidden=(16,), n_epochs=2), n_latent=4)
    sides = make_modality("RNA"), make_modality("ADT", n=45, n_features=5, seed=1)

    def coupled(name, recipe):
        store = FolderStageStore(RunFolder.create_at(tmp_path / name, recipe), tmp_path / "cache")
        return run(recipe, *sides, store=store).coupling

    first = coupled("one", replace(QUICK, space=vae))
    assert len(trained) == 1
    second = coupled("two", replace(QUICK, space=vae, matcher=NeighborMatcher()))
    assert len(trained) == 1
    for before, after in ((first.source, second.source), (first.target, second.target)):
        assert np.array_equal(before.space, after.space)
    coupled("three", replace(QUICK, space=replace(vae, label_weight=0.5)))
    assert len(trained) == 2


def test_cells_of_one_sided_labels_are_listed_by_name():
    source = make_modality("RNA")
    target = relabelled("ADT", {"C": "D"}, n=45, seed=1)
    result = run(QUICK, source, target)
    assert set(result.excluded["cell"]) == {
        *source.obs_names[source.labels == "C"],
        *target.obs_names[target.labels == "D"],
    }
    table = result.label_table.set_index("label")
    assert "one modality only" in table.loc["C", "status"]
    assert table.loc["D", "n_source"] == 0
    assert any("cells excluded by label" in note for note in result.notes)


def test_cells_kept_and_left_out_are_all_cells():
    source, target = make_modality("RNA"), relabelled("ADT", {"C": "D"}, n=45, seed=1)
    result = run(QUICK, source, target)
    kept = {*result.source.obs_names, *result.target.obs_names}
    assert kept | set(result.excluded["cell"]) == {*source.obs_names, *target.obs_names}


def test_labels_left_out_by_a_rule_stand_in_the_table_and_in_the_list_of_cells():
    result = run(QUICK.with_setting("labels.leave_out", "C"), make_modality("RNA"), make_modality("ADT", n=45, seed=1))
    row = result.label_table.set_index("label").loc["C"]
    assert row["status"] == "left out by a label rule"
    assert (row["n_source"], row["n_target"], row["needs_attention"]) == (20, 15, False)
    assert result.excluded["reason"].tolist() == ["its label C is left out (labels.leave_out)"] * 35


def test_one_sided_labels_can_be_refused():
    with pytest.raises(PsmatchError, match="2 labels found in one modality only: C, D"):
        run(
            replace(QUICK, labels=LabelRules(unshared="refuse")), make_modality(), relabelled("ADT", {"C": "D"}, seed=1)
        )


def test_renaming_brings_labels_together():
    rules = LabelRules(rename_target=(("a", "A"),))
    result = run(replace(QUICK, labels=rules), make_modality("RNA"), relabelled("ADT", {"A": "a"}, seed=1))
    assert result.coupling.labels == ("A", "B", "C")
    assert len(result.excluded) == 0


def test_each_side_is_renamed_by_its_own_rule():
    rules = LabelRules(rename_source=(("A", "x"),), rename_target=(("a", "x"), ("B", "b")))
    result = run(replace(QUICK, labels=rules), make_modality("RNA"), relabelled("ADT", {"A": "a"}, seed=1))
    assert result.coupling.labels == ("C", "x")
    assert set(result.label_table["label"]) == {"x", "B", "b", "C"}


def test_the_table_of_labels_holds_what_the_coupling_says():
    result = run(QUICK, make_modality("RNA"), make_modality("ADT", n=45, seed=1))
    table = result.label_table.set_index("label")
    for status in result.coupling.statuses:
        row, block = table.loc[status.label], result.coupling[status.label]
        assert row["n_effective"] == pytest.approx(np.median(block.n_effective))
        assert abs(np.mean(block.n_effective) - np.median(block.n_effective)) > 1e-3  # else this says nothing
        assert (row["n_source"], row["n_target"]) == (status.n_source, status.n_target) == (20, 15)
        assert row["status"] == status.outcome.value
        assert (row["iterations"], row["marginal_error"]) == (status.iterations, status.marginal_error)


def test_no_shared_label_names_both_lists():
    renames = {"A": "x", "B": "y", "C": "z"}
    with pytest.raises(PsmatchError) as caught:
        run(QUICK, make_modality("RNA"), relabelled("ADT", renames, seed=1))
    assert "A" in str(caught.value)
    assert "x" in str(caught.value)


def test_few_labels_are_said():
    result = run(QUICK, make_modality("RNA"), make_modality("ADT", seed=1))
    assert any("More labels give better matches" in note for note in result.notes)


def test_small_labels_go_by_the_rule():
    target = relabelled("ADT", {}, n=45, seed=1)
    few = target.select((target.labels != "C") | (np.cumsum(target.labels == "C") <= 3), "test")
    result = run(replace(QUICK, labels=LabelRules(minimum_cells=5)), make_modality("RNA"), few)
    assert result.coupling.labels == ("A", "B")
    assert "fewer than 5 cells" in " ".join(result.excluded["reason"])


@pytest.mark.parametrize("matcher", [NeighborMatcher(n_neighbors=3), UniformMatcher()], ids=repr)
def test_pairs_are_traceable_and_weighted(matcher):
    result = run(replace(QUICK, matcher=matcher), make_modality("RNA"), make_modality("ADT", n=45, seed=1))
    pairs = pairs_of(result, top=1000)
    assert list(pairs.columns) == ["source_cell", "target_cell", "label", "weight", "rank", "n_effective", "mass"]
    label_of = dict(zip(result.target.obs_names, result.target.labels, strict=True))
    assert (pairs["target_cell"].map(label_of) == pairs["label"]).all()
    assert np.allclose(pairs.groupby("source_cell")["weight"].sum(), 1)
    assert (pairs.groupby("source_cell")["rank"].min() == 1).all()


def test_recipe_without_files_needs_modalities():
    with pytest.raises(PsmatchError, match="The recipe names no data files"):
        run(QUICK)


def test_cells_dropped_on_reading_are_listed_too(tmp_path):
    adata = make_adata()
    adata.obs["label"] = [None, None, *adata.obs["label"].iloc[2:]]
    adata.write_h5ad(tmp_path / "rna.h5ad")
    make_adata(n=45, n_features=5, seed=1).write_h5ad(tmp_path / "adt.h5ad")
    specs = [
        DataSpec(path=str(tmp_path / f"{name}.h5ad"), label_key="label", name=name, missing_labels="drop")
        for name in ("rna", "adt")
    ]
    result = run(QUICK.with_data(*specs))
    assert list(result.excluded["cell"]) == list(adata.obs_names[:2])
    assert list(result.excluded["reason"]) == ["no label in column 'label'"] * 2
    assert any("rna: 2 cells excluded on reading" in note for note in result.notes)
    with pytest.raises(PsmatchError, match="2 of 60 cells have no label"):
        run(QUICK.with_data(replace(specs[0], missing_labels="refuse"), specs[1]))
