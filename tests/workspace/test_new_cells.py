"""translate_file: cells of one modality from a file, through the readers, to the features of the other."""

import json
from dataclasses import asdict

import anndata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.readers import DataSpec
from psmatch_core.exports.files import export
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.translation.translators import LabelRidgeTranslator, SampledNetworkTranslator
from psmatch_core.workspace.folder_stage_store import FolderStageStore
from psmatch_core.workspace.new_cells import translate_file
from psmatch_core.workspace.results import live_curves
from psmatch_core.workspace.run_folder import RunFolder
from tests.conftest import make_adata

THERE = "target_to_source"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run's folder, with counts as source and a network as translator."""
    files = tmp_path_factory.mktemp("files")
    counts = make_adata(n=60)
    counts.X = np.random.default_rng(0).poisson(np.exp(counts.X + 1)).astype(np.float32)
    counts.write_h5ad(files / "rna.h5ad")
    make_adata(n=45, n_features=5, seed=1).write_h5ad(files / "adt.h5ad")
    specs = [DataSpec(path=str(files / f"{name}.h5ad"), label_key="label", name=name) for name in ("rna", "adt")]
    recipe = Recipe(
        classifier=LinearClassifier(strength=0.1), translator=SampledNetworkTranslator(n_epochs=4, hidden=(8,))
    ).with_data(*specs)
    folder = RunFolder.create_at(files / "run", recipe)
    events = []
    finished = run(recipe, store=FolderStageStore(folder, None), progress=events.append)
    export(finished, folder.exports)
    result_files.save(finished.source, folder.stage_file("source"))
    lines = [json.dumps({**asdict(event), "time": 0.0}) for event in events if event.values]
    (folder.path / "events.jsonl").write_text("".join(line + "\n" for line in lines))
    return folder


def new_cells(folder):
    adata = anndata.read_h5ad(folder.path.parent / "rna.h5ad")[:7].copy()
    adata.obs_names = [f"new_{i}" for i in range(7)]
    return adata


def test_a_run_keeps_its_translators_and_translates_all_its_cells_by_them(folder):
    fitted = result_files.load_translator(folder.stage_file(f"translator_{THERE}"))
    there = anndata.read_h5ad(folder.exports / f"translation_{THERE}.h5ad")
    source = result_files.load_modality(folder.stage_file("source"))
    assert np.allclose(there.X, fitted.predict_raw(source.X, source.var_names), atol=1e-5)
    assert there.uns["meaning"] == "adt features predicted at rna cells"
    assert not (folder.exports / f"translation_r2_{THERE}.csv").exists()  # no pair is known


def test_training_is_told_but_is_no_propensity_curve(folder):
    stages = {event.stage for event in folder.events() if "epoch" in event.values}
    assert {"translator: adt from rna", "translator: rna from adt"} <= stages
    assert not any(stage.startswith("translator") for stage in live_curves(folder))


@pytest.mark.parametrize("suffix", ["h5ad", "csv"])
def test_new_cells_without_labels_get_the_predictions_of_the_run(folder, tmp_path, suffix):
    adata = new_cells(folder)
    del adata.obs["label"]
    path = tmp_path / f"new.{suffix}"
    if suffix == "h5ad":
        adata.write_h5ad(path)
    else:
        adata.to_df().to_csv(path)
    said = str(translate_file(folder.path, str(path), direction=THERE, out=tmp_path / f"out.{suffix}"))
    assert "adt features predicted at rna cells (target_to_source): 7 cells × 5 features." in said
    assert "How accurate these predictions are is not known: the run knew no true pairs" in said
    written = tmp_path / f"out_{THERE}.{suffix}"
    assert str(written) in said
    got = anndata.read_h5ad(written).to_df() if suffix == "h5ad" else pd.read_csv(written, index_col="cell")
    fitted = result_files.load_translator(folder.exports / f"translator_{THERE}.npz")
    assert list(got.index) == list(adata.obs_names)
    assert list(got.columns) == [f"f{i}" for i in range(5)]
    assert np.allclose(got, fitted.predict_raw(adata.X, adata.var_names), atol=1e-5)


def test_the_file_of_a_translator_is_enough_and_labels_are_carried(folder, tmp_path):
    new_cells(folder).write_h5ad(tmp_path / "new.h5ad")
    file = tmp_path / "translator.npz"
    file.write_bytes((folder.exports / f"translator_{THERE}.npz").read_bytes())
    translate_file(file, str(tmp_path / "new.h5ad"), out=tmp_path / "one.h5ad")
    translate_file(folder.path, str(tmp_path / "new.h5ad"), direction=THERE, out=tmp_path / "two.h5ad")
    one, two = (anndata.read_h5ad(tmp_path / f"{name}_{THERE}.h5ad") for name in ("one", "two"))
    assert np.allclose(one.X, two.X, atol=1e-5)
    assert "label" not in one.obs
    assert set(two.obs["label"]) <= {"A", "B", "C"}
    assert not len(two.var.columns)  # no pair is known, so no accuracy
    assert two.uns["direction"] == THERE


def test_an_earlier_prediction_is_refused_before_the_cells_are_read_and_replaced_by_choice(folder, tmp_path):
    earlier = tmp_path / f"out_{THERE}.csv"
    earlier.write_bytes(b"in a paper")
    for out in ("out.csv", earlier.name):
        with pytest.raises(PsmatchError, match=f"The file out_{THERE}.csv already exists"):
            translate_file(folder.path, "no file", direction=THERE, out=tmp_path / out)
    with pytest.raises(PsmatchError, match="no file"):
        translate_file(folder.path, "no file", direction=THERE, out=earlier, may_replace=True)
    assert earlier.read_bytes() == b"in a paper"
    new_cells(folder).write_h5ad(tmp_path / "new.h5ad")
    translate_file(folder.path, str(tmp_path / "new.h5ad"), direction=THERE, out=earlier, may_replace=True)
    assert len(pd.read_csv(earlier)) == 7


def test_what_cannot_be_done_is_said(folder, tmp_path):
    adata, path = new_cells(folder), tmp_path / "new.h5ad"
    out = tmp_path / "out.h5ad"

    def refused(where, **settings):
        with pytest.raises(PsmatchError) as caught:
            translate_file(where, str(path), out=settings.pop("out", out), **settings)
        return str(caught.value)

    adata[:, ::-1].copy().write_h5ad(path)
    assert "rna: the features are in another order" in refused(folder.path, direction=THERE)
    adata[:, 1:].copy().write_h5ad(path)
    assert "1 feature missing (f0)" in refused(folder.path, direction=THERE)
    adata.write_h5ad(path)
    assert "5 features of the run" in refused(folder.path, direction="source_to_target")
    assert (
        "contains translators of both directions. → Choose one: --direction target_to_source predicts adt"
        in refused(folder.path)
    )
    assert "direction must be target_to_source or source_to_target" in refused(folder.path, direction="back")
    assert "neither h5ad nor csv" in refused(folder.path, direction=THERE, out=tmp_path / "out.xlsx")
    assert "There is no nowhere" in refused(tmp_path / "nowhere")
    assert "contains no trained translator. → Run again with a translator that is trained" in refused(tmp_path)
    file = folder.exports / f"translator_{THERE}.npz"
    assert "translates target_to_source, not source_to_target" in refused(file, direction="source_to_target")
    assert "source.npz holds no translator" in refused(folder.stage_file("source"))
    assert not list(tmp_path.glob("out*"))


def test_a_translator_that_reads_labels_takes_them_from_the_column_of_the_run_by_the_names_of_the_run(tmp_path):
    make_adata(n=60).write_h5ad(tmp_path / "rna.h5ad")
    make_adata(n=45, n_features=5, seed=1).write_h5ad(tmp_path / "adt.h5ad")
    specs = [DataSpec(path=str(tmp_path / f"{name}.h5ad"), label_key="label", name=name) for name in ("rna", "adt")]
    renamed = (("A", "control"),)
    recipe = Recipe(
        classifier=LinearClassifier(strength=0.1),
        translator=LabelRidgeTranslator(),
        labels=LabelRules(rename_source=renamed, rename_target=renamed),
    ).with_data(*specs)
    folder = RunFolder.create_at(tmp_path / "run", recipe)
    finished = run(recipe, store=FolderStageStore(folder, None))
    export(finished, folder.exports)
    adata = new_cells(folder)
    adata.write_h5ad(tmp_path / "new.h5ad")
    translate_file(folder.path, str(tmp_path / "new.h5ad"), direction=THERE, out=tmp_path / "out.h5ad")
    got = anndata.read_h5ad(tmp_path / f"out_{THERE}.h5ad")
    assert np.allclose(got.X, finished.translate(THERE).values[:7], atol=1e-5)
    adata.obs["label"] = adata.obs["label"].astype(str)
    adata.obs.loc[adata.obs_names[:2], "label"] = "unheard of"
    adata.write_h5ad(tmp_path / "other.h5ad")
    with pytest.raises(PsmatchError, match=r"1 label unknown to this translator: unheard of\."):
        translate_file(folder.path, str(tmp_path / "other.h5ad"), direction=THERE, out=tmp_path / "other_out.h5ad")
    del adata.obs["label"]
    adata.write_h5ad(tmp_path / "none.h5ad")
    with pytest.raises(PsmatchError, match="label"):
        translate_file(folder.path, str(tmp_path / "none.h5ad"), direction=THERE, out=tmp_path / "none_out.h5ad")
