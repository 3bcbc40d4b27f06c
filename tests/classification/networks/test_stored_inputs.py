"""Sparse cells in a network: what is stored is multiplied; losses, gradients and scores are those of dense cells."""

import numpy as np
import pytest
import torch
from scipy import sparse

from psmatch_core.base.progress import silent
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.classification.classifiers import MLPClassifier, mlp, network_classifier
from psmatch_core.classification.classifiers.base import stratified_folds
from psmatch_core.classification.networks.architectures import perceptron
from psmatch_core.classification.networks.stored_inputs import StoredBatch


def cells(n=200, d=40, share=0.1, seed=0):
    draw = np.random.default_rng(seed)
    y = np.arange(n) % 4
    values = np.where(draw.random((n, d)) < share, draw.normal(size=(n, d)) + 3 * (np.arange(d) % 4 == y[:, None]), 0)
    return ShiftedRows(sparse.csr_matrix(values.astype(np.float32)), np.linspace(-0.2, 0.2, d, dtype=np.float32)), y


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_outputs_and_gradients_are_those_of_the_dense_tensor(share):
    X, y = cells(share=share)
    found = []
    for inputs in (torch.from_numpy(X.toarray()), StoredBatch(X)):
        network = perceptron((40, 20, 4), dropout=0.2, generator=torch.Generator().manual_seed(0))
        outputs = network(inputs)
        torch.nn.functional.cross_entropy(outputs, torch.from_numpy(y)).backward()
        found.append([outputs.detach(), *(each.grad for each in network.parameters())])
    for dense, stored in zip(*found, strict=True):
        np.testing.assert_allclose(stored, dense, atol=1e-5)


def test_very_many_sparse_cells_train_and_score_as_dense_ones(monkeypatch):
    X, y = cells(n=400)
    folds = stratified_folds(y, 4, seed=0)
    for module in (network_classifier, mlp):
        monkeypatch.setattr(module, "VERY_MANY_CELLS", 400)
    used = []
    monkeypatch.setattr(
        "psmatch_core.classification.networks.stored_inputs.StoredBatch.to", lambda self, device: used.append(1) or self
    )
    found = [
        MLPClassifier(hidden=(20,), batch_size=32).fit(each, y, n_labels=4, folds=folds, seed=0, progress=silent)
        for each in (X.toarray(), X)
    ]
    assert used  # what is stored was read, not a dense copy
    dense, stored = (each.logits(X.toarray()) for each in found)
    np.testing.assert_allclose(stored, dense, atol=1e-2)
    np.testing.assert_allclose(found[1].logits(X), stored, atol=1e-4)


def test_another_device_gets_a_dense_tensor():
    X, _ = cells(n=5)
    assert StoredBatch(X).to("cpu").cells is X
    assert StoredBatch(X).to("meta").shape == (5, 40)
