"""Files of several modalities: what a coupling holds and leaves out, and which judgement is which."""

from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.evaluation.evaluate import INFLATED
from psmatch_core.exports.several_files import HELD_OUT_CELLS, coupling_of, export_several
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.monitor.report import Monitoring
from psmatch_core.pipeline.match_data import match_data
from psmatch_core.pipeline.recipe import ExportRules, Recipe
from tests.conftest import make_adata

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")
RECIPE = Recipe(
    classifier=LinearClassifier(strength=0.05),
    matcher=SinkhornMatcher(),
    monitoring=Monitoring(stability=False),
    exports=ExportRules(smallest=0.2),
)


@pytest.fixture(scope="module")
def matched():
    """48, 44 and 36 cells of four labels of unequal sizes; the cells of one name are the same ones."""
    given = {
        name: make_adata(n=n, n_features=p, labels=tuple("AAABBCD"), seed=n)
        for name, n, p in (("rna", 48, 8), ("adt", 44, 5), ("atac", 36, 6))
    }
    for each in given.values():
        each.obs["cell"] = [f"c{at}" for at in range(each.n_obs)]
    return match_data(given, label="label", pair_key="cell", recipe=RECIPE)


@pytest.mark.parametrize(("source", "target"), [("rna", "adt"), ("adt", "atac")])
def test_a_coupling_leaves_out_small_entries_and_says_how_much_they_weigh(matched, source, target):
    content, coupling = coupling_of(matched, source, target), matched.coupling(source, target)
    whole = coupling.to_sparse().toarray()
    kept = np.where(whole >= 0.2 * whole.sum(axis=1, keepdims=True), whole, 0)
    np.testing.assert_allclose(content.X.toarray(), kept, atol=1e-9)
    assert content.uns["left_out_mass"] == pytest.approx(1 - kept.sum(), abs=1e-9)
    assert 0.05 < content.uns["left_out_mass"] < 0.95
    assert content.uns["smallest_kept_share_of_row"] == 0.2


def test_each_cell_has_its_own_label_and_effective_matches(matched):
    for source, target in (("rna", "adt"), ("rna", "atac"), ("adt", "atac")):
        content, coupling = coupling_of(matched, source, target), matched.coupling(source, target)
        effective = pd.Series(np.nan, index=matched.modalities[source].obs_names)
        for label, block in coupling.blocks.items():
            effective.iloc[coupling.source_cells[label]] = block.n_effective
        assert content.obs["n_effective"].to_numpy() == pytest.approx(effective[content.obs.index].to_numpy())
        for frame, name in ((content.obs, source), (content.var, target)):
            assert frame.index.tolist() == matched.modalities[name].obs_names.tolist()
            assert frame["label"].astype(str).tolist() == matched.modalities[name].labels.tolist()


def test_the_table_of_judgements_names_those_of_held_out_cells_and_the_inflated_ones(matched, tmp_path):
    assert matched.held_out_evaluations.keys() == matched.evaluations.keys()
    files = {path.name: path for path in export_several(replace(matched, cycles=None), tmp_path)}
    assert "cycle_consistency.csv" not in files
    table = pd.read_csv(files["evaluation.csv"])
    kinds = {HELD_OUT_CELLS: matched.held_out_evaluations, f"all pairs, {INFLATED}": matched.evaluations}
    assert set(table["judged"]) == set(kinds)
    for judged, evaluations in kinds.items():
        for (source, target), each in evaluations.items():
            mine = table[(table["judged"] == judged) & (table["source"] == source) & (table["target"] == target)]
            expected = each.table()
            assert mine["label"].tolist() == expected["label"].tolist()
            np.testing.assert_allclose(mine["foscttm"], expected["foscttm"])
            assert mine["n_pairs"].tolist() == expected["n_pairs"].tolist()
    assert anndata.read_h5ad(files["coupling_adt_atac.h5ad"]).shape == (44, 36)
