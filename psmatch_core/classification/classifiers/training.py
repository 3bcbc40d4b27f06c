"""How a network of any architecture is trained: one-cycle AdamW, stopped at its own best validation loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress
from psmatch_core.classification.classifiers.base import LossCurve

if TYPE_CHECKING:
    import torch

Result = TypeVar("Result")
NORM_MOMENTUM = 0.1
NORM_EPSILON = 1e-5
SCORING_CELLS = 2048  # scored at once: all activations of a large set of images would not fit into memory


class Network(Protocol):
    """What can be trained: tensors, a forward pass, and the numbers to keep."""

    trainable: list[torch.Tensor]

    def __call__(self, batch: torch.Tensor, /, generator: Any = None) -> torch.Tensor:
        """Outputs ``(batch, n_out)``; with a generator the network trains, without it only scores."""

    def numbers(self) -> dict[str, np.ndarray]:
        """All tensors by name, copied."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast; the fields mean what the classifiers' options of the same names say."""

    n_epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    weight_decay: float


def train(
    network: Network,
    batch: Callable[[np.ndarray], torch.Tensor],
    y: np.ndarray,
    held: np.ndarray,
    schedule: Schedule,
    *,
    generator: Any,
    progress: Progress,
) -> tuple[dict[str, np.ndarray], LossCurve]:
    """Train by cross-entropy; the numbers of the best epoch, and the loss by epoch.

    Parameters
    ----------
    network
        Starts as it is given.
    batch
        The network's input of some cells, by their positions.
    y
        Label of each cell as an index, ``(n_cells,)``.
    held
        Mask ``(n_cells,)`` of the validation cells; with none of them the training loss decides.
    generator
        torch's generator of this network: order of the cells and dropout draw from it.

    Raises
    ------
    FloatingPointError
        When the loss is no longer finite.
    """
    import torch  # heavy: only where a network trains

    test_cells = np.flatnonzero(held)
    labels = torch.from_numpy(y.astype(np.int64))
    return descend(
        network,
        np.flatnonzero(~held),
        lambda cells: torch.nn.functional.cross_entropy(network(batch(cells), generator), labels[cells]),
        (lambda: _mean_loss(network, batch, labels, test_cells)) if test_cells.size else None,
        schedule,
        generator=generator,
        progress=progress,
    )


def descend(
    network: Network,
    units: np.ndarray,
    loss: Callable[[np.ndarray], torch.Tensor],
    validation: Callable[[], float] | None,
    schedule: Schedule,
    *,
    generator: Any,
    progress: Progress,
    before_epoch: Callable[[int], None] | None = None,
) -> tuple[dict[str, np.ndarray], LossCurve]:
    """Lower a loss step by step; the numbers of the best epoch, and the loss by epoch.

    Parameters
    ----------
    units
        What is dealt into batches, ``(n_units,)``: cells, or pairs.
    loss
        Mean loss of the network on some of the units.
    validation
        Loss on what does not train, which decides; without it the training loss does.
    before_epoch
        Told the number of each epoch before it begins.

    Raises
    ------
    FloatingPointError
        When the loss is no longer finite.
    """
    import torch  # heavy: only where a network trains

    n_batches = max(1, units.size // min(schedule.batch_size, units.size))
    optimizer = torch.optim.AdamW(network.trainable, lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.learning_rate, total_steps=schedule.n_epochs * n_batches
    )
    training: list[float] = []
    held_out: list[float] = []
    best, best_loss, best_state = 0, np.inf, network.numbers()
    for epoch in range(schedule.n_epochs):
        if before_epoch is not None:
            before_epoch(epoch)
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
            with torch.no_grad():
                held_out.append(validation())
        watched = held_out[-1] if held_out else training[-1]
        if watched < best_loss:
            best, best_loss, best_state = epoch, watched, network.numbers()
        progress(
            Event(
                "network",
                (epoch + 1) / schedule.n_epochs,
                f"epoch {epoch + 1}",
                {
                    "epoch": epoch + 1,
                    "most_epochs": schedule.n_epochs,
                    "training_loss": training[-1],
                    "validation_loss": watched,
                },
            )
        )
        if validation is not None and epoch - best >= schedule.patience:
            break
    ended = {"best_epoch": best + 1, "epochs": len(training), "most_epochs": schedule.n_epochs}
    early = f"stopped early after {len(training)} of {schedule.n_epochs}" if len(training) < schedule.n_epochs else ""
    progress(Event("network", 1.0, ", ".join(filter(None, [f"best epoch {best + 1}", early])), ended))
    return best_state, LossCurve("network", tuple(training), tuple(held_out), best)


def _mean_loss(network: Network, batch: Callable[[np.ndarray], Any], labels: Any, cells: np.ndarray) -> float:
    import torch

    total = 0.0
    for start in range(0, cells.size, SCORING_CELLS):
        part = cells[start : start + SCORING_CELLS]
        total += float(torch.nn.functional.cross_entropy(network(batch(part)), labels[part], reduction="sum"))
    return total / cells.size


def restarted(attempt: Callable[[float], Result], learning_rate: float) -> tuple[Result, tuple[str, ...]]:
    """What ``attempt`` gives at this learning rate, or at a tenth of it where training diverged, and a note of that.

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
