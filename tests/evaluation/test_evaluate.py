"""evaluate: known answers of metrics, the uniform baseline next to each, and skipped labels listed."""

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import CHANCE, Judging, closer_than_true, evaluate
from psmatch_core.matching.blocks import DenseBlock
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import KnownPairsMatcher, SinkhornMatcher, UniformMatcher
from tests.conftest import make_adata, with_ids


def paired(n=72, seed=0, keep_target=1.0):
    """The same cells seen twice, the second time with other features and in another order."""
    adata = make_adata(n=n, seed=seed)
    rng = np.random.default_rng(seed)
    other = make_adata(n=n, seed=seed)
    other.X = (adata.X @ rng.normal(size=(8, 6)) + 0.1 * rng.normal(size=(n, 6))).astype(np.float32) @ np.eye(
        6, 8, dtype=np.float32
    )
    other.X[:, 6:] = rng.normal(size=(n, 2))
    other.var_names = [f"p{i}" for i in range(8)]
    order = rng.permutation(n)[: int(n * keep_target)]
    sides = [
        with_ids(Modality.from_anndata(adata, label_key="label", name="RNA")),
        with_ids(Modality.from_anndata(other[order].copy(), label_key="label", name="ADT")),
    ]
    return [fit_propensity(side, LinearClassifier(strength=0.1), seed=seed) for side in sides]


@pytest.fixture(scope="module")
def models():
    return paired()


def test_uniform_scores_exactly_chance(models):
    result = evaluate(match(*models, UniformMatcher()))
    for metric, chance in CHANCE.items():
        for means in (result.micro, result.macro, result.uniform_micro, result.uniform_macro):
            assert means[metric] == pytest.approx(chance, abs=1e-12)


def test_truth_scores_perfectly(models):
    result = evaluate(match(*models, KnownPairsMatcher()))
    assert result.micro["trace"] == pytest.approx(1)
    assert result.micro["rank"] == 0
    assert result.micro["foscttm"] == pytest.approx(0, abs=1e-12)


def test_foscttm_averages_both_directions_of_projection():
    """All source cells are in one place: what is carried from there ties, what is carried to there is perfect."""
    here, there = np.zeros((4, 2)), np.arange(8.0).reshape(4, 2)
    diagonal, cells = DenseBlock(np.eye(4) / 4), np.arange(4)
    assert closer_than_true(diagonal, cells, cells, (here, there)) == pytest.approx(0.25)
    assert closer_than_true(diagonal, cells, cells, (there, here)) == pytest.approx(0.25)


def test_matching_lies_between_chance_and_truth(models):
    result = evaluate(match(*models, SinkhornMatcher()))
    assert result.micro["trace_fold"] > 1.5
    assert result.micro["foscttm"] < 0.45


def test_the_uniform_baseline_is_given_for_every_metric(models):
    table = evaluate(match(*models)).table()
    assert set(table["label"]) == {"A", "B", "C"}
    for metric, chance in CHANCE.items():
        assert np.allclose(table[f"{metric}_uniform"], chance)


def test_means_can_be_made_again_from_the_cells(models):
    result = evaluate(match(*models))
    assert len(result.per_cell) == 72
    by_label = result.per_cell.groupby("label")["rank"].mean()
    assert result.macro["rank"] == pytest.approx(by_label.mean())
    assert result.micro["rank"] == pytest.approx(result.per_cell["rank"].mean())


def test_uniform_is_chance_also_where_only_some_cells_are_paired():
    result = evaluate(match(*paired(keep_target=0.6), UniformMatcher()))
    assert len(result.per_cell) == 43
    for metric, chance in CHANCE.items():
        assert result.micro[metric] == pytest.approx(chance, abs=1e-12)


def test_the_uniform_plan_has_the_figures_of_the_baseline_where_labels_differ_in_size():
    """Weight on the true partner depends on the candidates, so labels must be averaged by their pairs."""
    adata = make_adata(n=70)
    adata.obs["label"] = np.repeat(["A", "B", "C"], [40, 20, 10])
    order = np.r_[0:8, 40:58, 60:70]  # 8 pairs with 40 source cells, 18 with 20, 10 with 10
    more = np.concatenate([order, np.full(14, 65)])  # C has more target cells than pairs
    other = adata[more].copy()
    other.obs_names = [*adata.obs_names[order], *(f"alone{i}" for i in range(14))]
    sides = [
        with_ids(Modality.from_anndata(each, label_key="label", name=name))
        for each, name in ((adata, "RNA"), (other, "ADT"))
    ]
    result = evaluate(
        match(*(fit_propensity(side, LinearClassifier(strength=0.1)) for side in sides), UniformMatcher())
    )
    assert [(row.n_pairs, row.n_candidates) for row in result.per_label] == [(8, 8), (18, 18), (10, 24)]
    assert result.uniform_micro == pytest.approx(result.micro)
    assert result.uniform_macro == pytest.approx(result.macro)
    assert result.micro["trace"] == pytest.approx((1 + 1 + 10 / 24) / 36)


@pytest.mark.parametrize("is_turned", [False, True])
def test_a_cell_without_a_match_counts_as_matched_with_its_whole_label(is_turned):
    """The other side's cells are in one place, so that only what is carried to the cell without a match counts."""
    rng = np.random.default_rng(0)
    here, there, cells = 5 + rng.normal(size=(6, 2)), np.zeros((6, 2)), np.arange(6)
    plan = rng.random((6, 6))
    unmatched, uniform = plan.copy(), plan.copy()
    unmatched[:, 2], uniform[:, 2] = 0.0, 1.0
    found = []
    for each in (unmatched, uniform):
        block = DenseBlock(each / each.sum())
        spaces = (there, here) if is_turned else (here, there)
        found.append(closer_than_true(block.T if is_turned else block, cells, cells, spaces))
    assert found[0] == pytest.approx(found[1])


def test_figures_stand_beside_the_name_of_their_cell(models):
    """Only one cell's matches are its true partner's; all others have another cell's."""
    truth = match(*models, KnownPairsMatcher())
    plan = truth["B"].to_array()
    moved = np.roll(np.arange(plan.shape[0]), 1)
    moved[[moved.tolist().index(3), 3]] = moved[3], 3  # the fourth cell keeps its own
    blocks = {**truth.blocks, "B": DenseBlock(plan[moved])}
    found = evaluate(truth.with_blocks(blocks)).per_cell
    cells = found[(found["label"] == "B") & (found["trace"] == 1)]["cell"].tolist()
    assert models[0].modality.obs_names[truth.source_cells["B"][3]] in cells
    assert len(cells) == int((moved == np.arange(moved.size)).sum()) < plan.shape[0]


def test_small_labels_are_listed_not_averaged(models):
    result = evaluate(match(*models), Judging(smallest_label=30))
    assert set(result.skipped) == {"A", "B", "C"}
    assert result.skipped["A"] == "24 true pairs, fewer than 30"
    assert len(result.per_cell) == 0
    assert np.isnan(result.micro["rank"])


def test_a_label_with_just_enough_pairs_is_evaluated(models):
    assert not evaluate(match(*models), Judging(smallest_label=24)).skipped


def test_without_known_pairs_the_message_says_what_to_do():
    source, target = paired()[0], paired(seed=5)[1]
    with pytest.raises(PsmatchError, match="No true pairs are known") as caught:
        evaluate(match(source, target))
    assert "Name the column" in caught.value.hint


def test_pair_column_serves_where_names_differ():
    adata, other = make_adata(n=30), make_adata(n=30)
    other.obs_names = [f"other{i}" for i in range(30)]
    for each, ids in ((adata, range(30)), (other, range(30))):
        each.obs["cell"] = pd.Series([str(i) for i in ids], index=each.obs_names)
    sides = [
        Modality.from_anndata(each, label_key="label", name=name, pair_key="cell")
        for each, name in ((adata, "RNA"), (other, "ADT"))
    ]
    models = [fit_propensity(side, LinearClassifier(strength=0.1)) for side in sides]
    assert evaluate(match(*models, KnownPairsMatcher())).micro["trace"] == pytest.approx(1)
