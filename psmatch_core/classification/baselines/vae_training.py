"""fit_joint_vae: train encoders of both modalities into one latent space, held together by labels and an adversary."""

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
from psmatch_core.classification.baselines.vae_data import Side
from psmatch_core.classification.baselines.vae_networks import Networks
from psmatch_core.classification.classifiers import LossCurve
from psmatch_core.classification.classifiers.base import centered
from psmatch_core.classification.classifiers.training import SCORING_CELLS
from psmatch_core.classification.propensity import check_labels
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
        The strategy; the default :class:`JointVAE` unless given.
    label_names
        The shared labels in the order of the label head; the source's own unless given.
    seed
        Folds, starts, batches and draws derive from it.

    A fifth of the cells of each side is held out. The epoch that is kept is the one with the smallest
    reconstruction + λ KL + α label loss on them; the adversarial part is left out of that choice, since it rises
    when the discriminator learns and says nothing of the autoencoders alone.

    Raises
    ------
    PsmatchError
        With fewer than two labels, labels that only one side has, images too small for the convolutions, or a
        training that diverges.
    """
    vae = vae or JointVAE()
    vae.check(source, target)
    names = tuple(label_names) if label_names is not None else source.label_names
    for modality in (source, target):
        check_labels(modality, names)
    sides = [Side.of(each, vae.body(each), names, seed) for each in (source, target)]
    with one_thread():
        training = _Training(vae, sides, len(names), derived_seed(seed, "joint vae", *_contents(sides)))
        training.run(progress)
    return _latents(training, sides[0], names, seed, 0), _latents(training, sides[1], names, seed, 1)


class _Training:
    """The two optimisers in turn, and the best epoch so far."""

    def __init__(self, vae: JointVAE, sides: Sequence[Side], n_labels: int, seed: int) -> None:
        import torch  # heavy: only where a network trains

        self.vae, self.sides = vae, sides
        self.generator = torch.Generator().manual_seed(seed % 2**63)
        self.networks = Networks(
            [side.body for side in sides],
            [side.modality for side in sides],
            n_latent=vae.n_latent,
            n_labels=n_labels,
            discriminator=vae.discriminator,
            generator=self.generator,
        )
        self.body = body = vae.body(*(side.modality for side in sides))
        self.batch_size = min(body.batch_size, *(side.train.size for side in sides))
        self.n_batches = max(1, *(side.train.size // self.batch_size for side in sides))
        self.optimizers, self.schedules = [], []
        for tensors in (self.networks.of_autoencoders, self.networks.of_discriminator):
            optimizer = torch.optim.AdamW(tensors, lr=body.learning_rate, betas=BETAS, weight_decay=body.weight_decay)
            steps = body.n_epochs * self.n_batches
            self.optimizers.append(optimizer)
            self.schedules.append(
                torch.optim.lr_scheduler.OneCycleLR(
                    optimizer, body.learning_rate, total_steps=steps, cycle_momentum=False
                )
            )
        self.history: list[list[tuple[float, ...]]] = [[], []]
        self.best, self.best_loss, self.kept = 0, np.inf, self._numbers()

    def run(self, progress: Progress) -> None:
        """Train until the epochs or the patience end."""
        n_epochs = self.body.n_epochs
        for epoch in range(n_epochs):
            label_losses = self._epoch()
            judged = self._judge(label_losses)
            if not np.isfinite(judged):
                rate = self.body.learning_rate
                raise PsmatchError(
                    f"The joint VAE diverged at learning rate {rate:g} in epoch {epoch + 1}.",
                    hint="Scale the features (z-score), or lower the learning rate of its network.",
                )
            if judged < self.best_loss:
                self.best, self.best_loss, self.kept = epoch, judged, self._numbers()
            for side, rows in zip(self.sides, self.history, strict=True):
                values = {"epoch": epoch + 1, "most_epochs": n_epochs, **dict(zip(HISTORY, rows[-1], strict=True))}
                stage = f"{STAGE}: {side.modality.name}"
                progress(Event(stage, (epoch + 1) / n_epochs, f"epoch {epoch + 1}", values))
            if epoch - self.best >= self.body.patience:
                break
        for side in self.sides:
            progress(Event(f"{STAGE}: {side.modality.name}", 1.0, f"best epoch {self.best + 1}"))

    def _epoch(self) -> list[float]:
        """One epoch of alternating steps; mean label loss of each side's training cells, nats."""
        total = np.zeros(2)
        for cells in zip(*(self._batches(side) for side in self.sides), strict=True):
            x = [side.batch(own) for side, own in zip(self.sides, cells, strict=True)]
            y = [_tensor(side.y[own]) for side, own in zip(self.sides, cells, strict=True)]
            self._discriminator_step(x)
            total += self._autoencoder_step(x, y)
            for schedule in self.schedules:
                schedule.step()
        return [float(each) for each in total / self.n_batches]

    def _batches(self, side: Side) -> Iterator[np.ndarray]:
        """As many batches on each side: the smaller one is dealt again, in another order, as often as needed."""
        import torch

        asked = self.n_batches * self.batch_size
        rounds = -(-asked // side.train.size)
        orders = [torch.randperm(side.train.size, generator=self.generator).numpy() for _ in range(rounds)]
        # every cell at least once an epoch: equal parts of what is dealt, at least a batch each
        dealt = side.train[np.concatenate(orders)]
        return iter(np.array_split(dealt[: max(asked, side.train.size)], self.n_batches))

    def _discriminator_step(self, x: Sequence[torch.Tensor]) -> None:
        import torch

        with torch.no_grad():  # the encoders stand still while the discriminator learns
            draws = [self.networks.codes(i, each, self.generator).draw for i, each in enumerate(x)]
        self._step(1, self.networks.telling(draws))

    def _autoencoder_step(self, x: Sequence[torch.Tensor], y: Sequence[torch.Tensor]) -> np.ndarray:
        import torch
        from torch.nn.functional import cross_entropy

        codes = [self.networks.codes(i, each, self.generator) for i, each in enumerate(x)]
        losses = self.networks.losses(x, y, codes, self.generator)
        self._step(0, losses.total(self.vae.kl_weight, self.vae.label_weight, self.vae.modality_weight))
        with torch.no_grad():
            heads = [cross_entropy(self.networks.head(code.draw), own) for code, own in zip(codes, y, strict=True)]
        return np.array([float(each) for each in heads])

    def _step(self, which: int, loss: torch.Tensor) -> None:
        """Move what one optimiser owns; what the other owns takes no gradient from it."""
        owned = (self.networks.of_autoencoders, self.networks.of_discriminator)[which]
        import torch

        for tensor, gradient in zip(owned, torch.autograd.grad(loss, owned, allow_unused=True), strict=True):
            tensor.grad = gradient
        self.optimizers[which].step()

    def _judge(self, label_losses: Sequence[float]) -> float:
        """Record the epoch on the watched cells; what decides which epoch is kept."""
        import torch

        hits, parts = [], []
        with torch.no_grad():
            for index, side in enumerate(self.sides):
                *losses, hit = self._judged(index, side)
                parts.append(losses)
                hits.append(hit)
        accuracy = float(np.mean(hits))  # both modalities count alike, so that 0.5 is chance whatever their sizes
        for rows, part, loss in zip(self.history, parts, label_losses, strict=True):
            rows.append((part[0], part[1], loss, part[2], accuracy))
        reconstruction, kl, label = np.mean(parts, axis=0)
        return float(reconstruction + self.vae.kl_weight * kl + self.vae.label_weight * label)

    def _judged(self, index: int, side: Side) -> np.ndarray:
        """Reconstruction, KL, label loss and share of cells named by their modality, means over the watched cells."""
        rows, sizes = [], []
        for start in range(0, side.watched.size, SCORING_CELLS):
            cells = side.watched[start : start + SCORING_CELLS]
            x = side.batch(cells)
            code = self.networks.codes(index, x)
            named = self.networks.discriminator(code.mean).argmax(dim=1)
            losses = self.networks.parts(index, x, _tensor(side.y[cells]), code)
            rows.append((*losses, float((named == index).double().mean())))
            sizes.append(cells.size)
        return np.average(rows, axis=0, weights=sizes)

    def _numbers(self) -> dict[str, dict[str, np.ndarray]]:
        nets = self.networks
        return {
            "0": nets.encoders[0].numbers() | self.sides[0].scale,
            "1": nets.encoders[1].numbers() | self.sides[1].scale,
            HEAD: nets.head.numbers(),
        }


def _latents(training: _Training, side: Side, names: tuple[str, ...], seed: int, index: int) -> JointLatents:
    vae = training.vae
    encoder, head = training.kept[str(index)], training.kept[HEAD]
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
        vae,
        seed,
    )
    latents = draft.encode(side.modality.X)
    logits = centered(latents @ head["0.weight"] + head["0.bias"])
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


def _notes(side: Side, names: tuple[str, ...], accuracy: float) -> tuple[str, ...]:
    name = side.modality.name
    notes = [f"{name}: {note}" for note in side.body.notes(side.scale)]
    if abs(accuracy - 0.5) > APART:
        notes.append(
            f"{name}: the discriminator names the modality of {accuracy:.0%} of held-out cells (50% is chance): the "
            "two sides lie apart in the latent space. Change the weight β, or train longer."
        )
    singles = [label for index, label in enumerate(names) if (side.y == index).sum() == 1]
    if singles:
        notes.append(f"{name}: too small to validate (one cell): {some(singles)}. They are trained on and matched.")
    return tuple(notes)


def _contents(sides: Sequence[Side]) -> list[str]:
    return [text for side in sides for text in (side.modality.name, side.modality.fingerprint)]


def _tensor(y: np.ndarray) -> torch.Tensor:
    import torch

    return torch.from_numpy(y)
