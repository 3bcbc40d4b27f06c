"""matched.h5mu of several modalities, opened with mudata: one observation a cell of the reference, all beside it."""

from dataclasses import replace

import mudata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.exports.matched_h5mu import write_matched
from psmatch_core.exports.matched_tuples import TUPLE_VALUES, choose_tuples, write_tuples
from psmatch_core.matching.matchers import KnownPairsMatcher, SinkhornMatcher
from psmatch_core.monitor.flags import Flag, LabelFlag
from psmatch_core.monitor.report import Monitoring, Verdict
from psmatch_core.pipeline.match_data import match_data
from psmatch_core.pipeline.recipe import Recipe
from tests.conftest import make_adata

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")
RECIPE = Recipe(
    classifier=LinearClassifier(strength=0.05), matcher=SinkhornMatcher(), monitoring=Monitoring(stability=False)
)


def objects():
    rna, adt, atac = (
        make_adata(n=n, n_features=p, labels=tuple("ABCD"), seed=n) for n, p in ((48, 8), (44, 5), (36, 6))
    )
    rna.X = sparse.csr_matrix(np.maximum(np.round(rna.X * 2), 0))
    rna.obs["batch"] = pd.Categorical(["one", "two", "two"] * 16)
    return {"rna": rna, "adt": adt, "atac": atac}


@pytest.fixture(scope="module")
def matched():
    return match_data(objects(), label="label", recipe=RECIPE)


def dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


def rows_of(modality, cells):
    return dense(modality.X[pd.Index(modality.obs_names).get_indexer(cells)])


@pytest.mark.parametrize("values", TUPLE_VALUES)
def test_an_observation_is_a_cell_of_the_reference_with_a_partner_in_each_other(matched, tmp_path, values):
    held = mudata.read_h5mu(write_tuples(matched, tmp_path / "m.h5mu", values=values))
    assert list(held.mod) == ["rna", "adt", "atac"]
    assert held.n_obs == 48 == len(set(held.obs_names))
    obs = held.obs
    assert set(obs["source_cell"]) == set(matched.modalities["rna"].obs_names)
    np.testing.assert_allclose(dense(held["rna"].X), rows_of(matched.modalities["rna"], obs["source_cell"]), rtol=1e-6)
    assert sparse.issparse(held["rna"].X)
    assert "batch" in held["rna"].obs
    for name in ("adt", "atac"):
        of_partner = pd.Series(matched.modalities[name].labels, index=matched.modalities[name].obs_names)
        assert of_partner[obs[f"target_cell_{name}"]].tolist() == obs["label"].astype(str).tolist()
        if values == "barycentric":
            expected = matched.coupling("rna", name).pull(dense(matched.modalities[name].X))
            at = pd.Index(matched.modalities["rna"].obs_names).get_indexer(obs["source_cell"])
            np.testing.assert_allclose(dense(held[name].X), expected[at], rtol=1e-4, atol=1e-6)
        else:
            expected = rows_of(matched.modalities[name], obs[f"target_cell_{name}"])
            np.testing.assert_allclose(dense(held[name].X), expected, rtol=1e-6)
    assert held.uns["psmatch"]["reference"] == "rna"
    assert list(held.uns["psmatch"]["others"]) == ["adt", "atac"]
    assert held.obs_names[0] == "|".join(obs[["source_cell", "target_cell_adt", "target_cell_atac"]].iloc[0])


def test_weights_verdicts_and_consistency_are_those_of_the_couplings(matched):
    table = choose_tuples(matched).table.set_index("source_cell")
    for name in ("adt", "atac"):
        coupling = matched.coupling("rna", name)
        for label, block in coupling.blocks.items():
            cells = matched.modalities["rna"].obs_names[coupling.source_cells[label]]
            np.testing.assert_allclose(table.loc[cells, f"weight_{name}"], block.top(1)[1][:, 0])
            np.testing.assert_allclose(table.loc[cells, f"n_effective_{name}"], block.n_effective)
            verdict = matched.monitors[name].by_label[label].verdict.value
            assert set(table.loc[cells, f"verdict_{name}"]) == {verdict}
        expected = pd.Series(matched.cycles.of_cells("rna", name), index=matched.modalities["rna"].obs_names)
        np.testing.assert_allclose(table[f"cycle_consistency_{name}"], expected[table.index])


@pytest.mark.parametrize("values", TUPLE_VALUES)
def test_two_modalities_give_the_file_of_two(tmp_path, values):
    given = {name: each for name, each in objects().items() if name != "atac"}
    several = match_data(given, label="label", recipe=RECIPE)
    two = match_data(*given.values(), label="label", names=tuple(given), recipe=RECIPE, annotate=False)
    one = mudata.read_h5mu(write_tuples(several, tmp_path / "several.h5mu", values=values))
    sides = (two.source, two.target)
    path = write_matched(two.coupling, sides, tmp_path / "two.h5mu", values=values, monitor=two.monitor)
    other = mudata.read_h5mu(path)
    pd.testing.assert_frame_equal(one.obs, other.obs)
    for name in given:
        np.testing.assert_array_equal(dense(one[name].X), dense(other[name].X))
        pd.testing.assert_frame_equal(one[name].obs, other[name].obs)


def test_a_cell_without_a_match_somewhere_is_in_no_tuple_and_counted(tmp_path):
    """Matched by true pairs: cells 0 to 11 of RNA are not in ATAC, 44 to 47 not in ADT."""
    given = objects()
    for name, first in (("rna", 0), ("adt", 0), ("atac", 12)):
        given[name].obs["cell"] = [f"c{first + at}" for at in range(given[name].n_obs)]
    recipe = replace(RECIPE, matcher=KnownPairsMatcher())
    matched = match_data(given, label="label", pair_key="cell", recipe=recipe)
    chosen = choose_tuples(matched)
    names = given["rna"].obs_names
    assert set(chosen.table["source_cell"]) == set(names[12:44])
    assert chosen.table[["target_cell_adt", "target_cell_atac", "weight_adt", "weight_atac"]].notna().all(axis=None)
    assert chosen.n_incomplete == 16
    held = mudata.read_h5mu(write_tuples(matched, tmp_path / "m.h5mu"))
    partner = given["atac"].obs["cell"][held.obs["target_cell_atac"]].tolist()
    assert given["rna"].obs["cell"][held.obs["source_cell"]].tolist() == partner
    assert "16 cells of the reference without a match in every modality." in list(held.uns["psmatch"]["notes"])


def test_unknown_values_are_refused(matched, tmp_path):
    with pytest.raises(PsmatchError, match=r"'pairs' are no values.*'best', 'sampled', 'barycentric'"):
        write_tuples(matched, tmp_path / "m.h5mu", values="pairs")
    assert not list(tmp_path.iterdir())


def test_verdict_agreement_and_flags_are_those_of_the_label_with_this_partner(matched):
    """Each label of each modality has another evidence here."""
    monitors, flags = {}, (LabelFlag(Flag.FEW_CELLS, "5"), LabelFlag(Flag.PARTIAL, "3"), LabelFlag(Flag.FEW_CELLS, "4"))
    for shift, (name, monitor) in enumerate(matched.monitors.items()):
        labels = tuple(
            replace(row, verdict=list(Verdict)[(at + shift) % 3], agreement_cells=0.1 * at + 0.5 * shift,
                    agreement_features=0.3, flags=flags[: (at + shift) % 4])
            for at, row in enumerate(monitor.labels)
        )  # fmt: skip
        monitors[name] = replace(monitor, labels=labels)
    table = choose_tuples(replace(matched, monitors=monitors)).table
    for name in ("adt", "atac"):
        evidence = [monitors[name].by_label[label] for label in table["label"]]
        assert table[f"verdict_{name}"].tolist() == [row.verdict.value for row in evidence]
        assert table[f"agreement_{name}"].tolist() == pytest.approx([row.agreement for row in evidence])
        few = "few cells; cells without a match"
        names = {0: "", 1: "few cells", 2: few, 3: few}
        assert table[f"flags_{name}"].tolist() == [names[len(row.flags)] for row in evidence]
    assert (table["verdict_adt"] != table["verdict_atac"]).all()
