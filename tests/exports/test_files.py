"""The exported files, opened with the tools that users have."""

import json
import runpy
import sys
import zipfile
from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.images import SHAPE_KEY
from psmatch_core.data.modality import Modality
from psmatch_core.exports.files import EXPORT_ARCHIVE, coupling_content, export, rebuild_archive, translation_content
from psmatch_core.exports.pairs import PAIR_COLUMNS, choose_pairs
from psmatch_core.pipeline.recipe import ExportRules, Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.translation.translators import RidgeTranslator
from tests.conftest import make_adata


@pytest.fixture(scope="module")
def finished():
    source, target = make_adata(n=60), make_adata(n=45, n_features=5, seed=1)
    target.obs["label"] = target.obs["label"].replace({"C": "D"})
    sides = [
        Modality.from_anndata(adata, label_key="label", name=name) for adata, name in ((source, "RNA"), (target, "ADT"))
    ]
    return run(Recipe(classifier=LinearClassifier(strength=0.1), exports=ExportRules(top=4)), *sides)


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    return export(finished, tmp_path_factory.mktemp("exports"))


def test_csv_and_parquet_hold_the_same_pairs(folder):
    csv = pd.read_csv(folder / "pairs.csv").fillna({"flags": ""})
    parquet = pd.read_parquet(folder / "pairs.parquet")
    assert list(csv.columns) == [*PAIR_COLUMNS, "verdict", "agreement", "flags"]
    pd.testing.assert_frame_equal(csv, parquet, check_dtype=False)
    assert csv.groupby("source_cell").size().max() <= 4


def test_pairs_and_cells_carry_the_verdict_of_their_label(folder, finished):
    pairs, coupling = pd.read_parquet(folder / "pairs.parquet"), anndata.read_h5ad(folder / "coupling.h5ad")
    for label, row in finished.monitor.by_label.items():
        for table in (pairs, coupling.obs, coupling.var):
            mine = table[table["label"] == label]
            assert set(mine["verdict"]) == {row.verdict.value}
            assert np.allclose(mine["agreement"], row.agreement, equal_nan=True)
    assert "It does not show that they are correct" in " ".join((folder / "README.txt").read_text().split())


def test_coupling_is_source_by_target_with_labels_recipe_and_versions(folder, finished):
    adata = anndata.read_h5ad(folder / "coupling.h5ad")
    assert list(adata.obs_names) == list(finished.source.obs_names)
    assert list(adata.var_names) == list(finished.target.obs_names)
    P = adata.X.tocoo()
    assert (adata.obs["label"].to_numpy()[P.row] == adata.var["label"].to_numpy()[P.col]).all()
    assert P.data.sum() + adata.uns["left_out_mass"] == pytest.approx(1)
    assert Recipe.from_dict(json.loads(adata.uns["recipe"])) == finished.recipe
    assert adata.uns["versions"]["numpy"] == np.__version__


def test_pairs_carry_the_weights_of_the_coupling(folder):
    adata = anndata.read_h5ad(folder / "coupling.h5ad")
    pairs = pd.read_csv(folder / "pairs.csv")
    row = pairs.iloc[len(pairs) // 2]
    weights = np.asarray(adata[row["source_cell"]].X.todense()).ravel()
    mine = weights[adata.var_names.get_loc(row["target_cell"])]
    assert mine / weights.sum() == pytest.approx(row["weight"], rel=1e-3)


def test_translations_name_their_direction(folder, finished):
    there, back = (
        anndata.read_h5ad(folder / f"translation_{name}.h5ad") for name in ("target_to_source", "source_to_target")
    )
    assert there.uns["direction"] == "target_to_source"
    assert list(there.obs_names) == list(finished.source.obs_names)
    assert list(there.var_names) == list(finished.target.var_names)
    assert back.uns["direction"] == "source_to_target"
    assert back.shape == (finished.target.n_cells, finished.source.n_features)
    assert np.isfinite(there.X).all()


def test_translated_images_keep_their_shape(finished):
    translation = finished.translate()
    assert SHAPE_KEY not in translation_content(finished, translation).uns
    images = replace(translation, of=replace(translation.of, image_shape=(1, 1, 5)))
    assert list(translation_content(finished, images).uns[SHAPE_KEY]) == [1, 1, 5]


def test_left_out_cells_are_in_the_exports(folder, finished):
    listed = pd.read_csv(folder / "excluded_cells.csv")
    assert len(listed) == len(finished.excluded) == 35


def test_one_zip_holds_them_all(folder):
    with zipfile.ZipFile(folder / EXPORT_ARCHIVE) as archive:
        assert set(archive.namelist()) == {path.name for path in folder.iterdir()} - {EXPORT_ARCHIVE}
        assert archive.testzip() is None


def test_the_python_lines_repeat_the_run(folder, tmp_path, monkeypatch):
    make_adata(n=60).write_h5ad(tmp_path / "source.h5ad")
    target = make_adata(n=45, n_features=5, seed=1)
    target.obs["label"] = target.obs["label"].replace({"C": "D"})
    target.write_h5ad(tmp_path / "target.h5ad")
    for name in ("recipe.json", "reproduce.py"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["reproduce.py"])
    runpy.run_path("reproduce.py")
    again = pd.read_csv(tmp_path / "psmatch-again" / "pairs.csv")
    pd.testing.assert_frame_equal(again, pd.read_csv(folder / "pairs.csv"))


def test_escaped_texts_are_counted_and_the_parquet_keeps_them(tmp_path):
    source, target = make_adata(n=24), make_adata(n=24, n_features=5, seed=1)
    source.obs_names = [f"=HYPERLINK({i})" for i in range(24)]
    sides = [Modality.from_anndata(each, label_key="label", name=name) for each, name in ((source, "A"), (target, "B"))]
    recipe = Recipe(classifier=LinearClassifier(strength=0.1), exports=ExportRules(top=1))
    folder = export(run(recipe, *sides), tmp_path)
    assert pd.read_csv(folder / "pairs.csv")["source_cell"].str.startswith("'=").all()
    assert pd.read_parquet(folder / "pairs.parquet")["source_cell"].str.startswith("=").all()
    text = (folder / "README.txt").read_text("utf-8")
    assert "24 texts in the csv files would run as a formula in a spreadsheet (first character = + - @)" in text


def test_the_readme_lists_the_files_and_says_how_to_repeat_the_run(folder, finished):
    text = (folder / "README.txt").read_text("utf-8")
    assert text.startswith("Matched pairs of RNA (source) and ADT (target)")
    for path in folder.iterdir():
        assert f"  {path.name}\n" in text or path.name in ("README.txt", EXPORT_ARCHIVE)
    assert "  python reproduce.py\n" in text
    for note in finished.notes:
        assert f"- {note}\n" in text


def test_progress_ends_at_one_and_never_passes_it(finished, tmp_path):
    events = []
    export(finished, tmp_path, progress=events.append)
    fractions = [event.fraction for event in events]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0 > fractions[-2]


def test_an_export_says_what_it_does_before_it_does_it(finished, tmp_path):
    """One large label makes few files and long ones: a name that is told once it is written leaves minutes silent."""
    heard = []
    export(finished, tmp_path / "told", progress=heard.append)
    shares, texts = [each.fraction for each in heard], [each.message for each in heard]
    assert shares == sorted(shares)
    assert texts.index("pairs.csv: choosing pairs") < texts.index("pairs.csv")
    for name in ("coupling.h5ad", "translation_target_to_source.h5ad", EXPORT_ARCHIVE):
        first = next(at for at, text in enumerate(texts) if text.startswith(f"{name}: "))
        assert first < texts.index(name)
    n_cells = sum(cells.size for cells in finished.coupling.source_cells.values())
    rows = [text for text in texts if text.startswith("coupling.h5ad: reading the plan: ")]
    assert rows
    assert all(text.endswith(f" of {n_cells:,} cells") for text in rows)
    n_entries = anndata.read_h5ad(tmp_path / "told" / "coupling.h5ad").X.nnz
    assert f"coupling.h5ad: writing {n_entries:,} entries" in texts


def test_a_coupling_leaves_out_small_entries_and_each_cell_has_its_own_effective_matches(finished):
    rules = replace(finished.recipe.exports, smallest=0.15)
    content = coupling_content(replace(finished, recipe=replace(finished.recipe, exports=rules)))
    whole = finished.coupling.to_sparse().toarray()
    kept = np.where(whole >= 0.15 * whole.sum(axis=1, keepdims=True), whole, 0)
    np.testing.assert_allclose(content.X.toarray(), kept, atol=1e-9)
    assert 0 < content.uns["left_out_mass"] == pytest.approx(1 - kept.sum(), abs=1e-9)
    for label, block in finished.coupling.blocks.items():
        mine = content.obs["n_effective"].to_numpy()[finished.coupling.source_cells[label]]
        np.testing.assert_allclose(mine, block.n_effective)
    for side in ("source", "target"):
        assert content.uns[side]["fingerprint"] == getattr(finished, side).fingerprint


def test_a_translation_says_which_cells_have_a_match_and_what_made_it(finished):
    translation = finished.translate("source_to_target")
    values = np.array(translation.values)
    values[3] = values[10] = np.nan
    ridge = RidgeTranslator(penalty=3.0)
    content = translation_content(finished, replace(translation, values=values, translator=ridge))
    assert np.flatnonzero(~content.obs["has_match"].to_numpy()).tolist() == [3, 10]
    assert content.uns["meaning"] == "RNA features predicted at ADT cells"
    assert RidgeTranslator.from_dict(json.loads(content.uns["translator"])) == ridge


def test_drawn_pairs_are_those_of_the_seed_of_the_recipe(finished, tmp_path):
    rules = ExportRules(pairs="sampled", top=3)
    again = replace(finished, recipe=replace(finished.recipe, seed=5, exports=rules))
    pairs = pd.read_parquet(export(again, tmp_path) / "pairs.parquet")
    expected = choose_pairs(finished.coupling, rules, seed=5)
    pd.testing.assert_frame_equal(pairs[expected.columns], expected, check_dtype=False)


def test_an_archive_that_is_packed_again_holds_neither_itself_nor_what_is_being_written(tmp_path):
    for name in ("pairs.csv", "coupling.h5ad", EXPORT_ARCHIVE, ".matched.h5mu.part"):
        (tmp_path / name).write_text(name)
    with zipfile.ZipFile(rebuild_archive(tmp_path)) as archive:
        assert archive.namelist() == ["coupling.h5ad", "pairs.csv"]
