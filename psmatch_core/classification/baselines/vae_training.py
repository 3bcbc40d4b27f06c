"""fit_joint_vae: train encoders of both modalities into one latent space, aligned by the labels and an adversary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.base.arrays import read_only
from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.baselines.joint_latents import ENCODER, HEAD, HISTORY, JointLatents
from psmatch_core.classification.baselines.joint_vae import JointVAE
from psmatch_core.classification.baselines.vae_data import TrainingCells
from psmatch_core.classification.classifiers import LossCurve
from psmatch_core.classification.classifiers.base import centered
from psmatch_core.classification.networks.devices import asked_device, device_notes, find_device
from psmatch_core.classification.networks.training import SCORING_CELLS
from psmatch_core.classification.propensity import require_labels
from psmatch_core.data.modality import Modality

if TYPE_CHECKING:
    import torch

STAGE = "latents"
APART = 0.2  # from one half, in held-out cells named by their modality: beyond it the sides do not share the space
# A momentum of 0.9 remembers where the other player was: the two then swing around each other, and on one planted
# set, one seed, the order of cells was lost from β = 0.5 on. Source: Radford et al. 2016, section 4.
BETAS = (0.5, 0.999)


def fit_joint_vae(
    source: Modality,
    target: Modality,
    vae: JointVAE | None = None,
    *,
    label_names: Sequence[str] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[JointLatents, JointLatents]:
    """Train a joint VAE on two modalities and place their cells at the posterior means.

    Parameters
    ----------
    source, target
        Cells and features; different cells, the same labels.
    vae
        The settings; the defaults of :class:`JointVAE` unless given.
    label_names
        The shared labels in the order of the label head; the source's own unless given.
    seed
        Folds, starts, batches and draws derive from it.

    A fifth of the cells of each side is held out. The epoch that is kept is the one with the smallest
    reconstruction + λ KL + α label loss on them. The adversarial part does not enter that choice, since it rises when
    the discriminator learns and says nothing about the autoencoders alone.

    Returns
    -------
    Source and target, each cell at its posterior mean.

    Raises
    ------
    PsmatchError
        With fewer than two labels, labels that only one side has, images too small for the convolutions, or a
        training that diverges.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> small = psmatch.MLPClassifier(hidden=(8,), n_epochs=1)
    >>> psmatch.fit_joint_vae(source, target, psmatch.JointVAE(network=small, n_latent=4, discriminator=(4,)))
    (JointLatents(RNA: 4 dimensions, label loss ... of ... nats, discriminator right ...% of the time),
    JointLatents(Image: 4 dimensions, label loss ... of ... nats, discriminator right ...% of the time))
    """
    vae = vae or JointVAE()
    vae.check(source, target)
    names = tuple(label_names) if label_names is not None else source.label_names
    for modality in (source, target):
        require_labels(modality, names)
    sides = [TrainingCells.split(each, vae.body(each), names, seed) for each in (source, target)]
    contents = [text for each in (source, target) for text in (each.name, each.fingerprint)]
    import torch  # noqa: F401 - heavy, and limited below only once it is loaded

    with one_thread():
        training = _Training(vae, sides, len(names), derived_seed(seed, "joint vae", *contents))
        training.run(progress)
    return _latents(training, sides[0], names, seed, 0), _latents(training, sides[1], names, seed, 1)


class _Training:
    """The two optimisers in turn, and the best epoch so far."""

    def __init__(self, vae: JointVAE, sides: Sequence[TrainingCells], n_labels: int, seed: int) -> None:
        import torch  # heavy: only where a network trains

        from psmatch_core.classification.baselines.vae_networks import VAENetworks
        from psmatch_core.classification.networks.optimizers import EagerAdamW

        self.vae, self.sides = vae, sides
        self.generator = torch.Generator().manual_seed(seed % 2**63)
        self.networks = VAENetworks(
            [side.body for side in sides],
            [side.X.shape[1:] for side in sides],
            n_latent=vae.n_latent,
            n_labels=n_labels,
            discriminator=vae.discriminator,
            generator=self.generator,
        )
        self.device = find_device(asked_device())
        self.networks.to(self.device)
        self.body = body = vae.body(*(side.modality for side in sides))
        self.batch_size = min(body.batch_size, *(side.train.size for side in sides))
        self.n_batches = max(1, *(side.train.size // self.batch_size for side in sides))
        self.owned = (self.networks.autoencoder_parameters(), self.networks.discriminator_parameters())
        self.optimizers = [
            EagerAdamW(each, lr=body.learning_rate, betas=BETAS, weight_decay=body.weight_decay) for each in self.owned
        ]
        n_steps = body.n_epochs * self.n_batches
        self.cycles = [
            torch.optim.lr_scheduler.OneCycleLR(
                optimizer, body.learning_rate, total_steps=n_steps, cycle_momentum=False
            )
            for optimizer in self.optimizers
        ]
        self.history: list[list[tuple[float, ...]]] = [[], []]
        self.best, self.best_loss, self.best_arrays = 0, np.inf, self._to_arrays()

    def run(self, progress: Progress) -> None:
        """Train until the epochs or the patience run out."""
        n_epochs = self.body.n_epochs
        for epoch in range(n_epochs):
            label_losses = self._train_epoch()
            loss = self._judge_epoch(label_losses)
            if not np.isfinite(loss):
                rate = self.body.learning_rate
                raise PsmatchError(
                    f"The joint VAE diverged at learning rate {rate:g} in epoch {epoch + 1}.",
                    hint="Scale the features (z-score), or lower the learning rate of its network.",
                )
            if loss < self.best_loss:
                self.best, self.best_loss, self.best_arrays = epoch, loss, self._to_arrays()
            for side, rows in zip(self.sides, self.history, strict=True):
                values = {"epoch": epoch + 1, "most_epochs": n_epochs, **dict(zip(HISTORY, rows[-1], strict=True))}
                stage = f"{STAGE}: {side.modality.name}"
                progress(Event(stage, (epoch + 1) / n_epochs, f"epoch {epoch + 1}", values))
            if epoch - self.best >= self.body.patience:
                break
        for side in self.sides:
            progress(Event(f"{STAGE}: {side.modality.name}", 1.0, f"best epoch {self.best + 1}"))

    def _train_epoch(self) -> list[float]:
        """One epoch of alternating steps; mean label loss of each side's training cells, nats."""
        self.networks.train()
        total = np.zeros(2)
        for cells in zip(*(self._batches(side) for side in self.sides), strict=True):
            x = [side.batch(own).to(self.device) for side, own in zip(self.sides, cells, strict=True)]
            y = [_tensor(side.y[own]).to(self.device) for side, own in zip(self.sides, cells, strict=True)]
            self._discriminator_step(x)
            total += self._autoencoder_step(x, y)
            for cycle in self.cycles:
                cycle.step()
        return [float(each) for each in total / self.n_batches]

    def _batches(self, side: TrainingCells) -> Iterator[np.ndarray]:
        """As many batches on each side: the smaller one is dealt again, in another order, as often as needed."""
        import torch

        n_dealt = self.n_batches * self.batch_size
        n_rounds = -(-n_dealt // side.train.size)
        orders = [torch.randperm(side.train.size, generator=self.generator).numpy() for _ in range(n_rounds)]
        # every cell at least once an epoch: equal parts of what is dealt, at least a batch each
        dealt = side.train[np.concatenate(orders)]
        return iter(np.array_split(dealt[: max(n_dealt, side.train.size)], self.n_batches))

    def _discriminator_step(self, x: Sequence[torch.Tensor]) -> None:
        import torch

        with torch.no_grad():  # the encoders stand still while the discriminator learns
            draws = [self.networks.codes(side, each).draw for side, each in enumerate(x)]
        self._step(1, self.networks.discriminator_loss(draws))

    def _autoencoder_step(self, x: Sequence[torch.Tensor], y: Sequence[torch.Tensor]) -> np.ndarray:
        import torch
        from torch.nn.functional import cross_entropy

        codes = [self.networks.codes(side, each) for side, each in enumerate(x)]
        losses = self.networks.losses(x, y, codes)
        self._step(0, losses.total(self.vae.kl_weight, self.vae.label_weight, self.vae.modality_weight))
        with torch.no_grad():
            heads = [cross_entropy(self.networks.head(code.draw), own) for code, own in zip(codes, y, strict=True)]
        return np.array([float(each) for each in heads])

    def _step(self, which: int, loss: torch.Tensor) -> None:
        """Move what one optimiser owns; what the other owns takes no gradient from it."""
        import torch

        owned = self.owned[which]
        for tensor, gradient in zip(owned, torch.autograd.grad(loss, owned, allow_unused=True), strict=True):
            tensor.grad = gradient
        self.optimizers[which].step()

    def _judge_epoch(self, label_losses: Sequence[float]) -> float:
        """Record the epoch on the judged cells; the loss that decides which epoch is kept."""
        import torch

        self.networks.eval()
        hits, parts = [], []
        with torch.no_grad():
            for index, side in enumerate(self.sides):
                *losses, hit = self._judge_side(index, side)
                parts.append(losses)
                hits.append(hit)
        accuracy = float(np.mean(hits))  # both modalities count alike, so that 0.5 is chance whatever their sizes
        for rows, part, loss in zip(self.history, parts, label_losses, strict=True):
            rows.append((part[0], part[1], loss, part[2], accuracy))
        reconstruction, kl, label = np.mean(parts, axis=0)
        return float(reconstruction + self.vae.kl_weight * kl + self.vae.label_weight * label)

    def _judge_side(self, index: int, side: TrainingCells) -> np.ndarray:
        """Reconstruction, KL, label loss and share of cells whose modality is named: means over the judged cells."""
        rows, sizes = [], []
        for start in range(0, side.judged.size, SCORING_CELLS):
            cells = side.judged[start : start + SCORING_CELLS]
            x, y = side.batch(cells).to(self.device), _tensor(side.y[cells]).to(self.device)
            code = self.networks.codes(index, x)
            named = self.networks.discriminator(code.mean).argmax(dim=1)
            losses = self.networks.side_losses(index, x, y, code)
            rows.append((*losses, float((named == index).sum()) / cells.size))
            sizes.append(cells.size)
        return np.average(rows, axis=0, weights=sizes)

    def _to_arrays(self) -> tuple[dict[str, np.ndarray], ...]:
        """The numbers of both encoders, with the scale of their inputs, and of the label head."""
        from psmatch_core.classification.networks.architectures import to_arrays

        *encoders, head = [to_arrays(each) for each in (*self.networks.encoders, self.networks.head)]
        return *(arrays | side.scale for arrays, side in zip(encoders, self.sides, strict=True)), head


def _latents(training: _Training, side: TrainingCells, names: tuple[str, ...], seed: int, index: int) -> JointLatents:
    from psmatch_core.classification.networks.architectures import network_outputs

    encoder, head = training.best_arrays[index], training.best_arrays[-1]
    n = side.modality.n_cells
    empty = np.empty((n, 0))
    history = np.array(training.history[index])
    draft = JointLatents(
        side.modality,
        names,
        np.full((n, len(names)), np.nan),
        empty,
        empty,
        {f"{ENCODER}/{key}": value for key, value in encoder.items()} | {f"{HEAD}/{k}": v for k, v in head.items()},
        history,
        training.best,
        training.vae,
        seed,
    )
    latents = draft.encode(side.modality.X)
    logits = centered(network_outputs(head, [_tensor(latents.astype(np.float32))]))
    held_out = np.full_like(logits, np.nan)
    held_out[side.held] = logits[side.held]
    curve = LossCurve("label head", tuple(history[:, 2]), tuple(history[:, 3]), training.best)
    return replace(
        draft,
        latents=read_only(latents),
        head_logits=read_only(logits),
        held_out_logits=read_only(held_out),
        curves=(curve,),
        notes=_notes(side, names, draft.discriminator_accuracy),
    )


def _notes(side: TrainingCells, names: tuple[str, ...], accuracy: float) -> tuple[str, ...]:
    name = side.modality.name
    notes = [f"{name}: {note}" for note in (*side.body.notes(side.scale), *device_notes(asked_device()))]
    if abs(accuracy - 0.5) > APART:
        notes.append(
            f"{name}: the discriminator names the modality of {accuracy:.0%} of held-out cells (50% is chance): the "
            "two sides lie apart in the latent space. Change the weight β, or train longer."
        )
    singles = [label for index, label in enumerate(names) if (side.y == index).sum() == 1]
    if singles:
        notes.append(f"{name}: too small to validate (one cell): {some(singles)}. They are trained on and matched.")
    return tuple(notes)


def _tensor(values: np.ndarray) -> torch.Tensor:
    import torch

    return torch.from_numpy(values)
