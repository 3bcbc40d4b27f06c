"""How every network is trained: one-cycle AdamW, stopped at its own best validation loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress
from psmatch_core.classification.networks.devices import CPU

if TYPE_CHECKING:
    import torch
    from torch import nn

Result = TypeVar("Result")
SCORING_CELLS = 2048  # scored at once: all activations of a large set of images would not fit into memory


@dataclass(frozen=True)
class LossCurve:
    """Cross-entropy by epoch of one network, nats per cell; ``best`` is the epoch that was kept."""

    name: str
    training: tuple[float, ...]
    validation: tuple[float, ...]
    best: int


class TrainingSettings(Protocol):
    """How long and how fast a network trains: options of every strategy that trains one."""

    @property
    def n_epochs(self) -> int: ...
    @property
    def patience(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...


def train(
    network: nn.Sequential,
    batch: Callable[[np.ndarray], torch.Tensor],
    y: np.ndarray,
    held: np.ndarray,
    *,
    settings: TrainingSettings,
    generator: torch.Generator,
    progress: Progress,
    device: str = CPU,
) -> tuple[dict[str, np.ndarray], LossCurve]:
    """Train by cross-entropy; the numbers of the best epoch, and the loss by epoch.

    Parameters
    ----------
    network
        Trained in place from its present weights.
    batch
        The network's input of some cells, by their positions.
    y
        Label of each cell as a number, ``(n_cells,)``.
    held
        Mask ``(n_cells,)`` of the validation cells; if there are none, the training loss decides.
    generator
        Decides the order of the cells; it draws on the processor, so that all devices start alike.
    device
        Where the network trains; its numbers come back to the processor.

    Raises
    ------
    FloatingPointError
        When the loss is no longer finite.
    """
    import torch  # heavy: only where a network trains

    test_cells = np.flatnonzero(held)
    labels = torch.from_numpy(y.astype(np.int64)).to(device)
    network.to(device)

    def loss(cells: np.ndarray, reduction: str = "mean") -> torch.Tensor:
        outputs = network(batch(cells).to(device))
        return torch.nn.functional.cross_entropy(outputs, labels[cells], reduction=reduction)

    def validation() -> float:
        parts = (test_cells[start : start + SCORING_CELLS] for start in range(0, test_cells.size, SCORING_CELLS))
        return sum(float(loss(part, "sum")) for part in parts) / test_cells.size

    return descend(
        network,
        np.flatnonzero(~held),
        loss,
        validation if test_cells.size else None,
        settings=settings,
        generator=generator,
        progress=progress,
    )


def descend(
    network: nn.Sequential,
    units: np.ndarray,
    loss: Callable[[np.ndarray], torch.Tensor],
    validation: Callable[[], float] | None,
    *,
    settings: TrainingSettings,
    generator: torch.Generator,
    progress: Progress,
    before_epoch: Callable[[int], None] | None = None,
) -> tuple[dict[str, np.ndarray], LossCurve]:
    """Lower a loss step by step; the numbers of the best epoch, and the loss by epoch.

    Parameters
    ----------
    network
        Trained in place; in evaluation mode while ``validation`` is called.
    units
        What batches are made of, ``(n_units,)``: cells, or pairs.
    loss
        Mean loss of the network on some of the units.
    validation
        Loss on held-out data, which decides which epoch is kept; without it the training loss decides.
    generator
        Decides the order of the units.
    before_epoch
        Called with the number of each epoch before it begins.

    Raises
    ------
    FloatingPointError
        When the loss is no longer finite.
    """
    import torch  # heavy: only where a network trains

    from psmatch_core.classification.networks.architectures import to_arrays
    from psmatch_core.classification.networks.optimizers import EagerAdamW

    n_epochs = settings.n_epochs
    n_batches = max(1, units.size // min(settings.batch_size, units.size))
    rate = settings.learning_rate
    optimizer = EagerAdamW(network.parameters(), lr=rate, weight_decay=settings.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=n_epochs * n_batches)
    training: list[float] = []
    held_out: list[float] = []
    best, best_loss, best_arrays = 0, np.inf, to_arrays(network)
    for epoch in range(n_epochs):
        if before_epoch is not None:
            before_epoch(epoch)
        network.train()
        order = units[torch.randperm(units.size, generator=generator).numpy()]
        total = 0.0
        # equal parts, so that no batch is left with the single unit that batch normalisation cannot take
        for part in np.array_split(order, n_batches):
            value = loss(part)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            cycle.step()
            total += float(value.detach()) * part.size
        training.append(total / units.size)
        if not np.isfinite(training[-1]):
            raise FloatingPointError
        if validation is not None:
            network.eval()
            with torch.no_grad():
                held_out.append(validation())
        deciding = held_out[-1] if held_out else training[-1]
        if deciding < best_loss:
            best, best_loss, best_arrays = epoch, deciding, to_arrays(network)
        values = {
            "epoch": epoch + 1,
            "most_epochs": n_epochs,
            "training_loss": training[-1],
            "validation_loss": deciding,
        }
        progress(Event("network", (epoch + 1) / n_epochs, f"epoch {epoch + 1}", values))
        if validation is not None and epoch - best >= settings.patience:
            break
    message = f"best epoch {best + 1}"
    if len(training) < n_epochs:
        message += f", stopped early after {len(training)} of {n_epochs}"
    ended = {"best_epoch": best + 1, "epochs": len(training), "most_epochs": n_epochs}
    progress(Event("network", 1.0, message, ended))
    return best_arrays, LossCurve("network", tuple(training), tuple(held_out), best)


def restarted(attempt: Callable[[float], Result], learning_rate: float) -> tuple[Result, tuple[str, ...]]:
    """What ``attempt`` gives at this learning rate; where training diverges, at a tenth of it, with a note.

    Raises
    ------
    PsmatchError
        When it diverges at both.
    """
    try:
        return attempt(learning_rate), ()
    except FloatingPointError:
        lower = learning_rate / 10
    try:
        result = attempt(lower)
    except FloatingPointError:
        raise PsmatchError(
            f"The network diverged at learning rates {learning_rate:g} and {lower:g}.",
            hint="Scale the features (z-score), or lower the learning rate.",
        ) from None
    return result, (f"network: training diverged at learning rate {learning_rate:g} and was restarted at {lower:g}.",)
