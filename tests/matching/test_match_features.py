"""Feature matching: planted pairs are found, and where nothing is planted chance is all there is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy.stats import kstest

from psmatch_core.base import rowwise
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.data.known_pairs import with_known_pairs
from psmatch_core.data.modality import Modality
from psmatch_core.matching.match import match
from psmatch_core.matching.match_features import FeatureMatching, FeatureRules, match_features
from psmatch_core.matching.matchers import KnownPairsMatcher, NeighborMatcher, SinkhornMatcher, UniformMatcher

P, Q = 12, 8
QUICK = FeatureRules(n_permutations=99)


def world(n=150, planted=True, noise=0.5, seed=0):
    """Paired cells; target feature q is source feature order[q] with noise, or noise alone."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(P)[:Q]
    label = np.arange(n) % 3
    means = rng.normal(size=(3, P))
    X = means[label] + rng.normal(size=(n, P))
    Y = X[:, order] + noise * rng.normal(size=(n, Q)) if planted else rng.normal(size=(n, Q))
    sides = []
    for name, values in (("RNA", X), ("ADT", Y)):
        rows = rng.permutation(n)  # true partners have one name and different places
        rows = rows[: n if name == "RNA" else n - 30]
        obs = pd.DataFrame({"label": np.array(["A", "B", "C"])[label[rows]]}, index=[f"cell{i}" for i in rows])
        var = pd.DataFrame(index=[f"{name}{k}" for k in range(values.shape[1])])
        adata = AnnData(values[rows].astype(np.float32), obs=obs, var=var)
        sides.append(Modality.from_anndata(adata, label_key="label", name=name))
    return with_known_pairs(*sides, "equal names")[:2], order


def coupled(sides, matcher=None):
    models = [fit_propensity(side, LinearClassifier(strength=0.05)) for side in sides]
    return match(*models, matcher or KnownPairsMatcher())


@pytest.fixture(scope="module")
def planted():
    sides, order = world()
    return sides, order, coupled(sides)


@pytest.mark.parametrize("rules", [QUICK, FeatureRules(solver="exact", n_permutations=0)], ids=repr)
def test_planted_pairs_are_found(planted, rules):
    sides, order, coupling = planted
    found = match_features(coupling, *sides, rules)
    table = found.table(top=1).set_index("feature")
    assert [table.loc[f"ADT{q}", "partner"] for q in range(Q)] == [f"RNA{p}" for p in order]
    assert found.converged
    assert found.plan.sum() == pytest.approx(1, abs=1e-3)
    if rules.n_permutations:
        assert (table["q_value"] < 0.05).all()


def test_numbers_of_cells_and_features_may_differ(planted):
    sides, _, coupling = planted
    assert sides[0].n_cells != sides[1].n_cells
    assert match_features(coupling, *sides, QUICK).plan.shape == (P, Q)


def test_the_plan_is_the_optimal_transport_that_the_definition_says(planted):
    """The cost written out: (X²)ᵀ w₁ 1ᵀ + 1 ((Y²)ᵀ w₂)ᵀ − 2 Xᵀ T Y, solved by POT."""
    import ot

    sides, _, coupling = planted
    found = match_features(coupling, *sides, FeatureRules(n_permutations=0, epsilon=0.3))
    T = coupling.to_sparse().toarray()
    w1, w2 = T.sum(axis=1), T.sum(axis=0)
    X, Y = (
        (side.X - w @ side.X) / np.sqrt(w @ (side.X - w @ side.X) ** 2) for side, w in zip(sides, (w1, w2), strict=True)
    )
    cost = (X**2).T @ w1[:, None] + (w2 @ Y**2)[None] - 2 * X.T @ T @ Y
    assert np.allclose(cost, 2 - 2 * found.correlation, atol=1e-5)
    a, b = np.full(P, 1 / P), np.full(Q, 1 / Q)
    theirs = ot.sinkhorn(a, b, cost, found.epsilon, "sinkhorn_log", numItermax=20_000, stopThr=1e-9)
    assert np.abs(found.plan - theirs).sum() < 5e-3
    exact = match_features(coupling, *sides, FeatureRules(solver="exact", n_permutations=0))
    assert (exact.plan * cost).sum() == pytest.approx((ot.emd(a, b, cost) * cost).sum(), rel=1e-6)


@pytest.mark.parametrize(
    "rules",
    [
        FeatureRules(n_permutations=59, scaling="within labels"),
        FeatureRules(n_permutations=59, null="all cells"),
        FeatureRules(n_permutations=59, statistic="weight"),
    ],
    ids=repr,
)
def test_where_nothing_is_planted_p_values_are_those_of_chance(rules):
    p, first = [], []
    for seed in range(20):
        sides, _ = world(n=60, planted=False, seed=seed)
        table = match_features(coupled(sides), *sides, rules).table(top=1)  # partners by name, values drawn apart
        p += table["p_value"].tolist()
        first.append(table.set_index("feature").loc["ADT0", "p_value"])
    assert np.mean(np.array(p) <= 0.05) < 0.1
    assert np.mean(np.array(p) <= 0.5) < 0.65
    if rules.statistic == "weight":  # there the first partner is the best by what is tested, and p is uniform
        assert kstest(first, "uniform").pvalue > 1e-3


def test_the_null_leaves_labels_alone():
    """Features that differ between labels only do not stand out from permutations within labels, but from all."""
    sides, _ = world(planted=False)
    y = sides[1]
    shift = np.array([{"A": -3.0, "B": 0.0, "C": 3.0}[label] for label in y.labels])
    by_label = Modality(**{**y.__dict__, "X": y.X + shift[:, None].astype(np.float32)})
    coupling = coupled((sides[0], by_label), UniformMatcher())
    within = match_features(coupling, sides[0], by_label, QUICK).table(top=1)
    anywhere = match_features(coupling, sides[0], by_label, FeatureRules(n_permutations=99, null="all cells"))
    assert (within["p_value"] > 0.05).all()
    assert (anywhere.table(top=1)["p_value"] <= 0.02).mean() > 0.5  # the others got what was left of the partners


def test_a_coupling_that_tells_nothing_says_so(planted):
    sides, _, _ = planted
    found = match_features(coupled(sides, UniformMatcher()), *sides, FeatureRules(scaling="within labels"))
    assert any("tells no cell from another" in note for note in found.notes)
    assert np.allclose(found.plan, 1 / (P * Q))
    assert (found.table()["p_value"] == 1).all()


def test_seed_and_nothing_else_moves_the_permutations(planted):
    sides, _, coupling = planted
    one, same, other = (match_features(coupling, *sides, QUICK, seed=seed) for seed in (1, 1, 2))
    assert np.allclose(one.null_target, same.null_target)
    assert not np.allclose(one.null_target, other.null_target)
    assert np.allclose(one.plan, other.plan)


def test_both_sides_have_a_table(planted):
    sides, order, coupling = planted
    found = match_features(coupling, *sides, QUICK)
    table = found.table(of="source", top=3)
    first = table[table["rank"] == 1].set_index("feature")["partner"]
    assert first[f"RNA{order[0]}"] == "ADT0"
    assert len(table) == 3 * P
    assert list(table.columns) == [
        "feature", "rank", "partner", "weight", "fold", "correlation", "p_value", "q_value",
    ]  # fmt: skip


def test_weights_of_a_feature_are_shares(planted):
    sides, _, coupling = planted
    table = match_features(coupling, *sides, QUICK).table(top=P)
    assert np.allclose(table.groupby("feature")["weight"].sum(), 1)
    assert np.allclose(table["fold"], table["weight"] * P)


@pytest.mark.parametrize("matcher", [SinkhornMatcher(), NeighborMatcher(n_neighbors=3)], ids=repr)
def test_any_coupling_will_do(planted, matcher):
    sides, _, _ = planted
    found = match_features(coupled(sides, matcher), *sides, QUICK)
    assert np.isfinite(found.correlation).all()
    assert (np.abs(found.correlation) <= 1 + 1e-9).all()


def test_features_without_variance_are_left_out_and_named(planted):
    sides, _, coupling = planted
    X = np.array(sides[0].X)
    X[:, 2] = 5.0
    flat = sides[0].with_features(X, sides[0].var_names)
    found = match_features(coupling, flat, sides[1], QUICK)
    assert found.left_out == (("RNA", "RNA2"),)
    assert found.plan.shape == (P - 1, Q)
    assert any("1 feature without variance" in note for note in found.notes)
    dead = sides[0].with_features(np.ones_like(X), sides[0].var_names)
    with pytest.raises(PsmatchError, match="no feature varies"):
        match_features(coupling, dead, sides[1], QUICK)


def test_other_cells_and_too_many_features_are_refused(planted):
    sides, _, coupling = planted
    with pytest.raises(PsmatchError, match="are not the 150 of the coupling"):
        match_features(coupling, sides[1], sides[1])
    wide = [
        side.with_features(np.zeros((side.n_cells, 4000), np.float32), [f"g{i}" for i in range(4000)]) for side in sides
    ]
    with pytest.raises(PsmatchError, match=r"4,000 × 4,000 features has 16,000,000 pairs; the limit is 10,000,000"):
        match_features(coupling, *wide)


def test_progress_tells_every_permutation(planted):
    sides, _, coupling = planted
    events = []
    match_features(coupling, *sides, FeatureRules(n_permutations=5), progress=events.append)
    assert [event.message for event in events if event.message.startswith("perm")][-1] == "permutation 5 of 5"
    assert events[-1].fraction == 1


def test_what_comes_before_the_permutations_is_told_as_well(planted, monkeypatch):
    monkeypatch.setattr(rowwise, "PRODUCTS", 1)
    sides, _, coupling = planted
    events = []
    match_features(coupling, *sides, FeatureRules(n_permutations=2), progress=events.append)
    shares, texts = [event.fraction for event in events], [event.message for event in events]
    assert shares == sorted(shares)
    assert shares[0] == 0
    first = texts.index("permutation 1 of 2")
    steps = [
        "scaling the features of RNA",
        "scaling the features of ADT",
        "carrying the source features across the coupling",
    ]
    assert [text for text in texts[:first] if text in steps] == steps
    for label in coupling.labels:
        inside = [text for text in texts if f"label {label}, " in text]
        assert len(inside) > 3
        assert all(text.endswith(f" of {P} features") for text in inside)


def test_heatmap_draws_the_planted_pairs_on_its_diagonal(planted):
    from psmatch_core.plotting import feature_heatmap

    sides, _, coupling = planted
    fig = feature_heatmap(match_features(coupling, *sides, QUICK), top=5)
    assert np.asarray(fig.data[0].z).shape == (5, 5)
    assert (np.asarray(fig.data[0].z).argmax(axis=1) == np.arange(5)).all()
    assert "stand out from chance" in fig.layout.title.text.replace("<br>", " ")


def test_tables_of_both_sides_have_their_known_numbers():
    """Two features of RNA and three of ADT, with four permutations whose best partners are given."""
    found = FeatureMatching(
        source="RNA", target="ADT",
        source_features=np.array(["s0", "s1"]), target_features=np.array(["t0", "t1", "t2"]),
        plan=np.array([[0.3, 0.05, 0.1], [0.1, 0.3, 0.15]]),
        correlation=np.array([[0.5, 0.9, 0.2], [0.1, 0.4, 0.3]]),
        null_source=np.array([[0.6, 0.3], [0.4, 0.5], [0.7, 0.6], [0.1, 0.7]]),
        null_target=np.array([[0.1, 0.5, 0.1], [0.2, 0.6, 0.1], [0.3, 0.1, 0.2], [0.6, 0.2, 0.2]]),
        epsilon=1.0, converged=True, error=0.0, left_out=(), rules=FeatureRules(n_permutations=4), seed=0,
        source_ids={"s0": "S-0", "s1": "S-1"}, target_ids={"t0": "T-0", "t1": "T-1", "t2": "T-2"},
    )  # fmt: skip
    table = found.table(top=1)
    assert table["feature"].tolist() == ["t2", "t0", "t1"]  # the smallest p first
    assert table["partner"].tolist() == ["s1", "s0", "s1"]  # the heaviest, though t1 correlates more with s0
    assert table["feature_id"].tolist() == ["T-2", "T-0", "T-1"]
    assert table["partner_id"].tolist() == ["S-1", "S-0", "S-1"]
    assert table["weight"].tolist() == pytest.approx([0.6, 0.75, 6 / 7])
    assert table["fold"].tolist() == pytest.approx([1.2, 1.5, 12 / 7])  # of two partners
    assert table["correlation"].tolist() == [0.3, 0.5, 0.4]
    assert table["p_value"].tolist() == pytest.approx([1 / 5, 2 / 5, 3 / 5])  # itself counted: never 0
    assert table["q_value"].tolist() == pytest.approx([0.6, 0.6, 0.6])  # Benjamini and Hochberg: p × 3 / rank
    table = found.table(of="source", top=2)
    assert table["feature"].tolist() == ["s0", "s0", "s1", "s1"]
    assert table["partner"].tolist() == ["t0", "t2", "t1", "t2"]
    assert table["partner_id"].tolist() == ["T-0", "T-2", "T-1", "T-2"]
    assert table["fold"].tolist() == pytest.approx([2, 2 / 3, 18 / 11, 9 / 11])  # of three partners
    assert table["p_value"].tolist() == pytest.approx([3 / 5, 4 / 5, 4 / 5, 1])
    np.testing.assert_allclose(table["q_value"], [0.8, np.nan, 0.8, np.nan])


@pytest.mark.parametrize("side", [0, 1])
def test_as_many_cells_in_another_order_are_refused(planted, side):
    sides, _, coupling = planted
    turned = sides[side].select(np.arange(sides[side].n_cells) >= 0, "all")
    turned = replace(turned, X=turned.X[::-1], obs_names=turned.obs_names[::-1], labels=turned.labels[::-1])
    given = [turned if at == side else sides[at] for at in (0, 1)]
    with pytest.raises(PsmatchError, match="with its cells in the same order"):
        match_features(coupling, *given, QUICK)


def test_within_labels_each_label_is_centred_at_the_mean_of_its_matched_cells(planted):
    """30 of the 150 source cells have no partner, and therefore no say in any mean."""
    sides, _, coupling = planted
    found = match_features(coupling, *sides, FeatureRules(n_permutations=0, scaling="within labels"))
    T = coupling.to_sparse().toarray()
    scaled = []
    for side, w in zip(sides, (T.sum(axis=1), T.sum(axis=0)), strict=True):
        X = np.array(side.X, dtype=float)
        for label in "ABC":
            mine = side.labels == label
            X[mine] -= np.average(X[mine], axis=0, weights=w[mine])
        scaled.append(X / np.sqrt(w @ X**2))
    assert (T.sum(axis=1) == 0).sum() == 30
    np.testing.assert_allclose(found.correlation, scaled[0].T @ T @ scaled[1], atol=1e-5)
