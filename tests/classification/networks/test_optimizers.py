"""The optimizer and the layers are torch's own, and loading them loads nothing that only compiled programs need."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from psmatch_core.classification.networks.optimizers import EagerAdamW, undrawn


def trained(optimizer_of: type[torch.optim.AdamW], *, decay: float) -> list[torch.Tensor]:
    """The numbers of a network after twenty steps of the cycle that :func:`training.descend` uses."""
    generator = torch.Generator().manual_seed(0)
    X, y = torch.randn(30, 5, generator=generator), torch.randint(0, 3, (30,), generator=generator)
    network = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    for each in network.parameters():
        each.data = torch.randn(each.shape, generator=generator)
    optimizer = optimizer_of(network.parameters(), lr=0.01, weight_decay=decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=20)
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(X), y).backward()
        optimizer.step()
        cycle.step()
    return [each.detach() for each in network.parameters()]


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_are_those_of_torch_number_by_number(decay: float) -> None:
    for mine, theirs in zip(trained(EagerAdamW, decay=decay), trained(torch.optim.AdamW, decay=decay), strict=True):
        assert torch.equal(mine, theirs)
    assert not torch.equal(trained(EagerAdamW, decay=0.0)[0], trained(EagerAdamW, decay=0.1)[0])


def test_a_step_is_not_part_of_a_gradient() -> None:
    weight = nn.Parameter(torch.ones(3))
    optimizer = EagerAdamW([weight], lr=0.1)
    (weight**2).sum().backward()
    optimizer.step()
    assert torch.is_grad_enabled()
    assert weight.is_leaf
    assert (weight < 1).all()


def test_an_undrawn_layer_draws_nothing() -> None:
    before = torch.get_rng_state()
    layer = undrawn(nn.Conv2d, 3, 4, 3, 2, 1, bias=False)
    assert layer.weight.shape == (4, 3, 3, 3)
    assert layer.weight.is_meta
    assert torch.equal(torch.get_rng_state(), before)


PROGRAM = """
import sys
import numpy as np
from psmatch_core.base.progress import silent
from psmatch_core.classification.classifiers.base import stratified_folds
from psmatch_core.classification.classifiers.cnn import CNNClassifier
from psmatch_core.classification.classifiers.mlp import MLPClassifier
rng = np.random.default_rng(0)
y = np.arange(40) % 2
for classifier, shape in ((MLPClassifier(n_epochs=2), (4,)), (CNNClassifier(n_epochs=2, channels=(4, 4)), (1, 8, 8))):
    X = rng.normal(size=(40, *shape)).astype(np.float32)
    folds = stratified_folds(y, 4, seed=0)
    classifier.fit(X, y, n_labels=2, folds=folds, seed=0, progress=silent)
assert "torch" in sys.modules
print([each for each in ("torch._dynamo", "torch._inductor", "sympy", "networkx") if each in sys.modules])
"""


def test_training_loads_no_compiler_of_torch() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
