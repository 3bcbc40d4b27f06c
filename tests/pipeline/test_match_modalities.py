"""Several modalities in, matched modalities out: each scored once, on the labels that all have, nothing in silence."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from mudata import MuData

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.baselines import JointVAE
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.cli.common import with_settings
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import Judging
from psmatch_core.matching.link import ALWAYS, Linking
from psmatch_core.matching.matchers import SinkhornMatcher, UniformMatcher
from psmatch_core.matching.several import BARYCENTER, PLANS, Couplings
from psmatch_core.monitor.report import Monitoring
from psmatch_core.pipeline import score_modalities
from psmatch_core.pipeline.demo_views import demo_views
from psmatch_core.pipeline.match_data import match_data
from psmatch_core.pipeline.match_modalities import MatchedModalities, match_modalities
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.pipeline.stage_store import MemoryStageStore
from tests.conftest import make_adata

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")
QUICK = Recipe(
    classifier=LinearClassifier(strength=0.05),
    matcher=SinkhornMatcher(tolerance=1e-8),
    monitoring=Monitoring(stability=False),
)
LABELS = tuple("ABCD")


def objects():
    """Three objects of three sizes; E is in RNA alone, D not in ATAC."""
    rna, adt, atac = (
        make_adata(n=n, n_features=p, labels=labels, seed=n)
        for n, p, labels in ((50, 8, (*LABELS, "E")), (44, 5, LABELS), (36, 6, LABELS[:3]))
    )
    return {"rna": rna, "adt": adt, "atac": atac}


@pytest.fixture(scope="module")
def matched():
    return match_data(objects(), label="label", recipe=QUICK)


def whole(coupling):
    return coupling.to_sparse().toarray()


def test_two_modalities_give_the_run_of_two():
    given = {name: each for name, each in objects().items() if name != "atac"}
    found = match_data(given, label="label", recipe=QUICK)
    expected = match_data(given["rna"], given["adt"], label="label", names=("rna", "adt"), recipe=QUICK, annotate=False)
    np.testing.assert_array_equal(whole(found.coupling("rna", "adt")), whole(expected.coupling))
    assert found.monitors["adt"].verdict is expected.monitor.verdict
    assert [row.verdict for row in found.monitors["adt"].labels] == [row.verdict for row in expected.monitor.labels]
    pd.testing.assert_frame_equal(found.excluded, expected.excluded.assign(reason=found.excluded["reason"]))


def test_two_linked_modalities_give_the_linked_run_of_two():
    recipe = replace(QUICK, linking=Linking(use=ALWAYS, n_rounds=1))
    given = {name: Modality.from_anndata(each, label_key="label", name=name) for name, each in objects().items()}
    found = match_modalities({name: given[name] for name in ("rna", "adt")}, recipe)
    np.testing.assert_array_equal(
        whole(found.coupling("rna", "adt")), whole(run(recipe, given["rna"], given["adt"]).coupling)
    )
    three = match_modalities(given, recipe)
    assert [note for note in three.notes if note.startswith("rna and adt: Linked")]
    assert three.cycles.table["agreement_turned"].isna().all()  # a link gives each pair positions of its own
    center = match_modalities(given, recipe, plans=BARYCENTER)
    assert "Not linked: a barycentre lies in the space of the scores." in center.notes


def test_only_labels_of_all_modalities_are_matched_and_the_others_are_said(matched):
    table = matched.labels.set_index("label")
    assert table.index[table["matched"]].tolist() == ["A", "B", "C"]
    assert table.loc["D", "reason"] == "its label is not in atac"
    assert table.loc["E", "reason"] == "its label is not in adt, atac"
    assert table.loc["D", ["n_rna", "n_adt", "n_atac"]].tolist() == [10, 11, 0]
    gone = matched.excluded.groupby(["modality", "reason"]).size()
    assert gone["rna", "its label is not in atac"] == 10
    assert gone["adt", "its label is not in atac"] == 11
    assert gone["rna", "its label is not in adt, atac"] == 10
    assert any("2 labels not matched: D (its label is not in atac)" in note for note in matched.notes)
    for name, cells in matched.modalities.items():
        assert cells.label_names == ("A", "B", "C")
        assert cells.n_cells + len(matched.excluded.query("modality == @name")) == objects()[name].n_obs


def test_each_classifier_is_trained_once(monkeypatch):
    trained = []

    def fit(features, *args, **settings):
        trained.append(features.name)
        return score(features, *args, **settings)

    score = score_modalities.fit_propensity
    monkeypatch.setattr(score_modalities, "fit_propensity", fit)
    match_data(objects(), label="label", recipe=QUICK)
    assert sorted(trained) == ["adt", "atac", "rna"]


def test_the_order_of_the_modalities_does_not_matter(matched):
    given = objects()
    other = match_data({name: given[name] for name in ("atac", "rna", "adt")}, label="label", recipe=QUICK)
    assert other.couplings.reference == "atac"
    for pair in (("rna", "adt"), ("adt", "atac"), ("atac", "rna")):
        np.testing.assert_allclose(whole(other.coupling(*pair)), whole(matched.coupling(*pair)), atol=1e-6)


@pytest.mark.parametrize("plans", PLANS)
def test_every_plan_gives_every_coupling(plans):
    found = match_data(objects(), matcher=UniformMatcher(), label="label", recipe=QUICK, plans=plans)
    assert found.couplings.plans == plans
    np.testing.assert_allclose(found.coupling("adt", "atac")["A"].to_array(), 1 / (11 * 12))


def test_mudata_with_three_modalities_gives_the_same(matched):
    held = MuData(objects())
    found = match_data(held, label="label", recipe=QUICK)
    assert isinstance(found, MatchedModalities)
    np.testing.assert_array_equal(whole(found.coupling("rna", "atac")), whole(matched.coupling("rna", "atac")))
    lent = MuData(objects())
    lent.obs["ko"] = pd.concat([each.obs["label"] for each in objects().values()]).reindex(lent.obs_names)
    again = match_data(lent, label="ko", modalities=("rna", "adt", "atac"), recipe=QUICK)
    np.testing.assert_array_equal(whole(again.coupling("rna", "atac")), whole(matched.coupling("rna", "atac")))


def test_scored_modalities_by_name_are_matched_as_they_are(matched):
    found = match_data(dict(matched.couplings.models), matcher=QUICK.matcher)
    assert isinstance(found, Couplings)
    np.testing.assert_array_equal(whole(found.between("rna", "adt")), whole(matched.coupling("rna", "adt")))


def test_settings_of_reading_may_be_given_by_name(matched):
    given = objects()
    given["adt"].obs = given["adt"].obs.rename(columns={"label": "guide"})
    given["adt"].layers["x"], given["adt"].X = given["adt"].X, given["adt"].X * 0
    found = match_data(
        given,
        label={"rna": "label", "adt": "guide", "atac": "label"},
        matrix={"rna": "X", "adt": "layers/x", "atac": "X"},
        recipe=QUICK,
    )
    np.testing.assert_array_equal(whole(found.coupling("rna", "adt")), whole(matched.coupling("rna", "adt")))


def test_the_summary_says_what_came_out(matched):
    text = repr(matched)
    assert text.startswith("MatchedModalities(rna · adt · atac: 30 × 33 × 36 cells, 3 labels matched, rna → adt ")
    assert "CycleConsistency(3 ways: agreement" in text
    assert "<li>3 labels matched</li>" in matched._repr_html_()


def test_large_labels_are_thinned_and_small_ones_left_out():
    recipe = replace(QUICK, labels=LabelRules(maximum_cells=9, minimum_cells=2))
    found = match_data(objects(), label="label", recipe=recipe)
    assert {count for cells in found.modalities.values() for count in cells.label_counts.values()} == {9}
    reasons = set(found.excluded["reason"])
    assert "its label has more than 9 cells, and others were drawn" in reasons
    small = objects()
    small["adt"] = small["adt"][(small["adt"].obs["label"] != "A").to_numpy() | (np.arange(44) == 0)]
    few = match_data(small, label="label", recipe=replace(QUICK, labels=LabelRules(minimum_cells=2)))
    assert few.labels.set_index("label").loc["A", "reason"] == "its label has fewer than 2 cells in a modality"


def test_rules_rename_the_reference_and_all_others():
    given = objects()
    given["rna"].obs["label"] = given["rna"].obs["label"].replace({"A": "a1"})
    rules = LabelRules(rename_source=(("a1", "A"),), leave_out=("B",))
    found = match_data(given, label="label", recipe=replace(QUICK, labels=rules))
    table = found.labels.set_index("label")
    assert table.index[table["matched"]].tolist() == ["A", "C"]
    assert "leave_out" in table.loc["B", "reason"]


def rename(adata, labels):
    adata.obs["label"] = adata.obs["label"].map(labels).astype(str)
    return adata


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda given: given | {"adt": rename(given["adt"], dict(zip("ABCD", "AXYZ", strict=True)))}, "label"),
        (lambda given: given | {"a/b": given.pop("adt")}, "cannot be the name of a modality"),
        (lambda given: given | {"RNA": given["adt"]}, "'rna' and 'RNA', and some systems take these names"),
        (lambda given: {1: given["rna"], "1": given["adt"]}, "Two modalities are called '1' and '1'"),
        (lambda given: given | {"adt": given["rna"]}, r"rna and adt are the same AnnData object.*own matrix"),
        (lambda given: given | {"adt": "adt.h5ad"}, r"adt is the text 'adt.h5ad'.*match-many"),
        (lambda given: {"rna": given["rna"]}, "two or more"),
    ],
)
def test_what_cannot_be_matched_is_said_in_words(change, said):
    with pytest.raises(PsmatchError, match=said):
        match_data(change(objects()), label="label", recipe=QUICK)


def test_what_the_settings_do_not_allow_is_said():
    refuse = replace(QUICK, labels=LabelRules(unshared="refuse"))
    with pytest.raises(PsmatchError, match="2 labels not in every modality: D, E"):
        match_data(objects(), label="label", recipe=refuse)
    with pytest.raises(PsmatchError, match="joint VAE is trained for two modalities"):
        match_data(objects(), label="label", recipe=replace(QUICK, space=JointVAE()))
    with pytest.raises(PsmatchError, match="cannot be chosen"):
        match_data(objects(), label="label", recipe=QUICK, modalities=("rna", "adt", "gex"))


def test_pairs_are_known_and_judged_as_in_a_run_of_two():
    given = objects()
    for name in ("rna", "adt"):  # equal names, which are taken for pairs if they are told to be
        numbers = given[name].obs.groupby("label").cumcount().astype(str)
        given[name].obs_names = given[name].obs["label"] + numbers
    given["atac"].obs_names = [f"other {chr(65 + at % 26)}{chr(65 + at // 26)}" for at in range(36)]
    recipe = replace(QUICK, judging=Judging(pairs="equal names", held_out=False))
    found = match_data(given, label="label", recipe=recipe)
    two = {name: given[name] for name in ("rna", "adt")}
    expected = match_data(*two.values(), label="label", names=tuple(two), recipe=recipe, annotate=False)
    pair = match_data(two, label="label", recipe=recipe)
    assert set(found.evaluations) == {("rna", "adt")}
    assert pair.evaluations["rna", "adt"].micro == expected.evaluation.micro
    assert len(pair.evaluations["rna", "adt"].per_cell) == 40  # ten of each of four labels
    assert any(note.startswith("rna and adt: True pairs: ") for note in found.notes)
    assert any(note.startswith("adt and atac: True pairs: not known") for note in found.notes)
    none = match_data(given, label="label", recipe=replace(recipe, judging=Judging(pairs="none")))
    assert not none.evaluations


def notes_of(given, **settings):
    return match_data(given, label="label", recipe=replace(QUICK, **settings)).notes


def test_every_pair_is_checked_as_the_two_of_a_run_are():
    """What is said of two modalities does not depend on which of them is the reference."""
    given = objects()
    given["copy"] = given["adt"].copy()
    twice = [note for note in notes_of(given) if "[PM-P01]" in note]
    assert len(twice) == 1
    assert twice[0].startswith("adt and copy have the same content")
    given = objects()
    for name, label in (("rna", "D"), ("adt", "Dose 1"), ("atac", "dose-1")):
        given[name].obs["label"] = given[name].obs["label"].astype(str).replace({"C": label})
    alike = [note for note in notes_of(given) if "look" in note and "alike" in note]
    assert [note for note in alike if "adt" in note and "atac" in note and "Dose 1" in note and "dose-1" in note]


def test_renaming_of_the_others_holds_for_both_of_a_pair():
    given = objects()
    for name, spelled in (("adt", {"A": "a"}), ("atac", {"A": "a", "B": "b"})):
        given[name].obs["label"] = given[name].obs["label"].astype(str).replace(spelled)
    rules = LabelRules(rename_target=(("a", "A"), ("b", "B")), leave_out=("D",))  # no b in ADT and no D in ATAC
    found = match_data(given, label="label", recipe=replace(QUICK, labels=rules))
    assert found.labels.set_index("label").loc["A", "matched"]
    assert not [note for note in found.notes if "alike" in note or "PM-L27" in note]
    rules = replace(rules, rename_target=(*rules.rename_target, ("x", "X")), leave_out=("Y",))
    unknown = [note for note in notes_of(given, labels=rules) if "PM-L27" in note]
    assert [("that the rest does not have: x" in each, "Y" in each) for each in unknown] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("spelled", "renaming"),
    [
        ({"A": "Stat1", "B": "Myc", "C": "Jak2"}, "labels.rename_target='jak2=Jak2, myc=Myc, stat1=Stat1'"),
        ({"A": "p=.1,x", "B": "P=.2,x", "C": "P=.3,x"}, """labels.rename_target='[["P=.1,X", "p=.1,x"], ["p="""),
    ],
)
def test_labels_that_only_look_alike_are_refused_with_the_renaming_that_helps(spelled, renaming):
    given = objects()
    del given["adt"]
    given["more"] = make_adata(n=30, n_features=6, labels=LABELS[:3], seed=3)
    given["rna"].obs["label"] = given["rna"].obs["label"].astype(str).replace(spelled)
    for name in ("atac", "more"):
        other = {label: text.swapcase() if "=" in text else text.lower() for label, text in spelled.items()}
        given[name].obs["label"] = given[name].obs["label"].astype(str).replace(other)
    with pytest.raises(PsmatchError) as error:
        match_data(given, label="label", recipe=QUICK)
    assert f"rna has {sorted(spelled.values())[0]}, " in error.value.problem
    assert renaming in error.value.hint
    assert max(map(len, (error.value.problem, error.value.hint))) <= 300
    setting = error.value.hint.partition("='")[2].partition("' (after")[0]
    recipe = with_settings(QUICK, [f"labels.rename_target={setting}"])
    assert sum(match_data(given, label="label", recipe=recipe).labels["matched"]) == 3


def test_results_of_equal_data_carry_their_own_names():
    given = {"adt": objects()["adt"], "copy": objects()["adt"], "other": objects()["adt"]}
    found = match_data(given, label="label", recipe=QUICK)
    for name in given:
        assert found.modalities[name].name == name
        assert found.couplings.models[name].modality.name == name
        assert found.preprocessing[name].notes
        assert all(note.startswith(f"{name}: ") for note in found.preprocessing[name].notes)
    assert not np.array_equal(*(found.couplings.models[name].held_out_logits for name in ("adt", "copy")))


def test_the_demo_is_the_same_every_time_and_its_views_share_cells():
    one, other = demo_views(), demo_views()
    for name in ("RNA", "Protein", "Image"):
        np.testing.assert_array_equal(one[name].X, other[name].X)
        assert one[name].obs["cell"].is_unique
        assert one[name].n_obs == 600
    assert len(set.intersection(*(set(each.obs["cell"]) for each in one.values()))) == 300
    assert not np.array_equal(demo_views(seed=1)["RNA"].X, one["RNA"].X)


def test_a_stage_is_kept_whatever_side_its_modality_is_on():
    store, made = MemoryStageStore(), []
    for name, key in (
        ("source_halves", "a"),
        ("target_halves", "a"),
        ("source_propensity", "a"),
        ("source_halves", "b"),
    ):
        store.load_or_make(name, key, lambda path: None, lambda name=name, key=key: made.append((name, key)))
    assert made == [("source_halves", "a"), ("source_propensity", "a"), ("source_halves", "b")]
