"""h5mu files as mudata writes them: each modality reads back equal, with the annotations of the whole file."""

import warnings

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.file_summary import describe
from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.readers.formats import open_source
from psmatch_core.data.readers.inspection import summarise
from tests.data.readers.made_files import COUNTS, broken, good_adata, readable

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mudata


def modalities(names=("rna", "prot")):
    """Modalities that share most of their cells."""
    found = {}
    for at, name in enumerate(names):
        adata = good_adata(np.roll(COUNTS, at, axis=0)[:, : 20 - 3 * at].copy())
        adata.obs_names = [f"cell{i + 5 * at}" for i in range(60)]
        adata.var_names = [f"{name}_{each}" for each in adata.var_names]
        found[name] = adata
    found[names[0]].layers["counts"] = COUNTS.copy()
    return found


def write(folder, mods=None, change=None, name="two.h5mu"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = mudata.MuData(modalities() if mods is None else mods)
        whole.obs["donor"] = [f"d{i // 3 % 3}" for i in range(whole.n_obs)]
        if change:
            change(whole)
        whole.write(folder / name)
    return folder / name, whole


def look(path, part="", **chosen):
    return summarise(DataSpec(path=str(path), part=part, **chosen), path.name, memory_mb=1024)


@pytest.mark.parametrize("part", ["rna", "prot"])
def test_a_modality_reads_back_equal(tmp_path, part):
    path, whole = write(tmp_path)
    expected = whole.mod[part]
    source, format_name = open_source(path, path.name, text_columns=(), memory_mb=1024, part=part)
    assert format_name == "h5mu"
    assert np.array_equal(source.whole("X"), expected.X)
    assert np.array_equal(np.vstack(list(source.rows("X", 100))), expected.X)
    assert source.obs_names == list(expected.obs_names)
    assert source.var_names("X") == list(expected.var_names)
    assert list(source.column("cell_type")) == list(expected.obs["cell_type"])
    assert list(source.column("donor")) == list(whole.obs.loc[expected.obs_names, "donor"])
    assert f"{part}:cell_type" not in source.column_names  # only repeats the modality's own
    assert [each.key for each in source.headers] == (["X", "layers/counts"] if part == "rna" else ["X"])
    source.close()


def test_inspecting_shows_the_modalities_and_a_run_needs_a_choice(tmp_path):
    path, _ = write(tmp_path)
    summary = look(path, label_key="cell_type")
    assert [(each.name, each.n_cells, each.n_features) for each in summary.parts] == [("rna", 60, 20), ("prot", 60, 17)]
    assert summary.findings == ()
    assert (summary.format, summary.n_features) == ("h5mu", 20)
    assert look(path, "prot").n_features == 17
    with pytest.raises(PsmatchError) as caught:
        summarise(DataSpec(path=str(path), label_key="cell_type"), path.name, memory_mb=1024, is_final=True)
    assert "holds 2 modalities (rna, prot), and none is chosen. → Choose the modality in the file: part" in readable(
        caught.value
    )


def test_more_than_two_are_told_and_another_name_is_refused(tmp_path):
    path, _ = write(tmp_path, modalities(("rna", "atac", "prot")))
    assert "holds 3 modalities: rna, atac, prot. → Choose which one to use" in str(look(path).findings[0])
    assert look(path, "atac").findings == ()
    with pytest.raises(PsmatchError, match="has no modality ADT; it has rna, atac, prot"):
        look(path, "ADT")


def test_one_modality_needs_no_choice(tmp_path):
    path, _ = write(tmp_path, modalities(("rna",)))
    summary = summarise(DataSpec(path=str(path), label_key="cell_type"), path.name, memory_mb=1024, is_final=True)
    assert (summary.n_features, summary.findings) == (20, ())


def test_a_chosen_modality_is_copied(tmp_path):
    path, whole = write(tmp_path)
    spec = DataSpec(path=str(path), label_key="donor", part="prot")
    copied = anndata.read_h5ad(copy_into(spec, tmp_path / "copy.h5ad"))
    assert np.array_equal(copied.X, whole.mod["prot"].X)
    assert list(copied.obs["donor"]) == list(whole.obs.loc[copied.obs_names, "donor"])
    with pytest.raises(PsmatchError, match="none is chosen"):
        copy_into(DataSpec(path=str(path), label_key="donor"), tmp_path / "copy.h5ad")


def test_labels_of_the_whole_file_that_differ_stand_beside_the_modalitys_own(tmp_path):
    def relabel(file):
        del file["obs/donor"]
        file["obs"].attrs["column-order"] = ["cell_type"]
        file["obs/cell_type"] = np.array(["x", "y", "x", "z", "y"] * 13, dtype=object)

    path = broken(write(tmp_path)[0], relabel)
    source, _ = open_source(path, path.name, text_columns=(), memory_mb=1024, part="rna")
    assert source.column("cell_type")[0] == "B cell"
    assert source.column("cell_type (whole file)")[:4].tolist() == ["x", "y", "x", "z"]


def test_what_belongs_to_no_modality_is_named(tmp_path):
    def embed(whole):
        whole.obsm["X_umap"] = np.zeros((whole.n_obs, 2))

    path, _ = write(tmp_path, change=embed)
    assert "obsm/X_umap of the whole file cannot be chosen" in str(look(path, "rna").findings[0])


def test_damaged_files_are_refused(tmp_path):
    path, _ = write(tmp_path)

    def without(place):
        def change(file):
            del file[place]

        return change

    with pytest.raises(PsmatchError, match="without a modality"):
        look(broken(path, without("mod/rna")) and broken(path, without("mod/prot")))
    path, _ = write(tmp_path, name="b.h5mu")
    with pytest.raises(PsmatchError, match="has no var: the feature names are missing"):
        look(broken(path, without("mod/prot/var")), "prot")
    with h5py.File(path, "r+") as file:
        del file["obs"]
    assert look(path, "rna").column("donor") is None


def test_several_types_in_one_modality_are_told(tmp_path):
    mods = modalities()
    mods["prot"].var["feature_types"] = pd.Categorical(["Antibody Capture"] * 15 + ["Multiplexing Capture"] * 2)
    path, _ = write(tmp_path, mods)
    found = look(path, "prot").findings
    assert [each.code for each in found] == ["PM-F37"]
    assert "Save each type as a modality of its own" in found[0].hint


def test_the_terminal_lists_the_modalities(tmp_path):
    text = describe(look(write(tmp_path)[0]))
    assert "    rna: 60 cells × 20 features (described here)\n    prot: 60 cells × 17 features\n" in text
