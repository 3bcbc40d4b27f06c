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
