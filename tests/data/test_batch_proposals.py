"""Batches of two modalities: what is offered where they differ, where they agree, and where they are the label."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.cli.inspected_files import describe_files
from psmatch_core.data.batch_proposals import (
    batches_of_file,
    batches_of_modality,
    propose_within_batches,
    shared_batches_note,
)
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.proposals import propose_preprocessing
from psmatch_core.data.readers import DataSpec, inspect_file


def cells(batches, *, peaks=False, column="batch", labels=("NT", "STAT1", "JAK2"), n=90):
    """Counts of cells whose batches are crossed with their labels."""
    rng = np.random.default_rng(0)
    obs = pd.DataFrame({"label": np.array(labels)[np.arange(n) % len(labels)]}, index=[f"c{i}" for i in range(n)])
    if batches:
        obs[column] = np.array(batches)[np.arange(n) // len(labels) % len(batches)]
    names = [f"chr1:{i}00-{i}50" if peaks else f"GENE{i}" for i in range(40)]
    return AnnData(X=rng.poisson(0.5, size=(n, 40)).astype(np.float32), obs=obs, var=pd.DataFrame(index=names))


def modality(adata, name="RNA"):
    return Modality.from_anndata(adata, label_key="label", name=name)


def offered(one, other, current=None):
    side = modality(one)
    both = batches_of_modality(side), batches_of_modality(modality(other, "ADT"))
    return propose_within_batches(*both, propose_preprocessing(side), current or Preprocessing())


@pytest.mark.parametrize("other", [(), ("P1", "P3"), ("P1", "P2", "P3")])
def test_batches_that_the_other_modality_has_not_are_offered_to_be_standardised_within(other):
    found = offered(cells(("P1", "P2")), cells(other))
    assert dict(found.changes) == {"batch_scaling": "z", "batch_key": "batch", "batch_controls": ("NT",)}
    assert "RNA has 2 batches (batch: P1, P2), and the other modality has not the same" in found.reason
    assert "part of what distinguishes labels" in found.reason  # what it costs
    settings = found.applied_to(Preprocessing())
    assert settings.fit(modality(cells(("P1", "P2")))).batch_scale.batches == ("P1", "P2")
    assert offered(cells(("P1", "P2")), cells(other), settings) is None


def test_without_controls_each_batch_is_compared_with_all_its_cells():
    found = offered(cells(("P1", "P2"), labels=("STAT1", "JAK2", "MYC")), cells(()))
    assert dict(found.changes)["batch_controls"] == ()
    assert "against all cells" in found.reason


def test_nothing_is_offered_for_one_batch_for_peaks_and_where_the_batch_is_the_label():
    assert offered(cells(("P1",)), cells(())) is None
    assert offered(cells(("P1", "P2"), peaks=True), cells(())) is None
    confounded = cells(())
    confounded.obs["batch"] = confounded.obs["label"].map({"NT": "P1", "STAT1": "P2", "JAK2": "P3"})
    assert batches_of_modality(modality(confounded)) is None


def test_nothing_is_offered_for_a_batch_that_repeats_the_label_under_other_names(tmp_path):
    adata = cells(())
    adata.obs["plate"] = "plate of " + adata.obs["label"].astype(str)
    adata.write_h5ad(tmp_path / "rna.h5ad")
    assert batches_of_modality(modality(adata)) is None
    summary = inspect_file(DataSpec(path=str(tmp_path / "rna.h5ad"), label_key="label"))
    assert batches_of_file(summary, modality(adata).label_counts) is None


def test_equal_batches_are_offered_as_part_of_the_label_and_said_as_what_it_is():
    one, other = (batches_of_modality(modality(cells(("P2", "P1"), column=each))) for each in ("batch", "plate"))
    note = shared_batches_note(one, other)
    assert note.startswith("Both modalities name the same 2 batches (P1, P2).")
    assert "source.label_with=batch, target.label_with=plate" in note
    assert "cells of different batches then never match" in note
    assert shared_batches_note(one, batches_of_modality(modality(cells(("P1", "P3"))))) == ""
    assert shared_batches_note(one, None) == ""
    assert offered(cells(("P1", "P2")), cells(("P1", "P2"), column="plate")) is None


@pytest.fixture
def files(tmp_path):
    cells(("P1", "P2")).write_h5ad(tmp_path / "rna.h5ad")
    cells(("P1", "P3")).write_h5ad(tmp_path / "adt.h5ad")
    return [DataSpec(path=str(tmp_path / name), label_key="label") for name in ("rna.h5ad", "adt.h5ad")]


def test_a_file_names_the_batches_of_its_modality(files):
    summary = inspect_file(files[0])
    of_file = batches_of_file(summary, summary.column("label").counts)
    of_modality = batches_of_modality(modality(cells(("P1", "P2")), "rna.h5ad"))
    assert of_file == of_modality


def test_inspect_prints_what_to_type_or_how_to_match_within_batches(files):
    text, _ = describe_files(files)
    assert "batches of both files" in text
    for side in ("source", "target"):
        assert f"--set {side}_preprocessing.batch_scaling=z --set {side}_preprocessing.batch_key=batch" in text
    text, _ = describe_files([files[0], files[0]])
    assert "Both modalities name the same 2 batches" in text


def test_labels_made_of_label_and_batch_match_within_the_batch(files):
    joined = [DataSpec(path=each.path, label_key="label", label_with=("batch",)) for each in files]
    text, _ = describe_files(joined)
    assert "shared by both: 3" in text  # those of P1
    assert "batches of both files" not in text
