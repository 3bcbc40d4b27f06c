"""The networks of the joint VAE and their two losses: that of the autoencoders and that of the discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psmatch_core.classification.classifiers import Network, NetworkClassifier
from psmatch_core.classification.classifiers.perceptron import Perceptron
from psmatch_core.data.modality import Modality

if TYPE_CHECKING:
    import torch

LOG_VARIANCE_LIMIT = 10.0  # exp(±5) as a spread: beyond it one draw overflows float32 and nothing more is said


@dataclass(frozen=True, eq=False)
class Codes:
    """One modality's batch in the latent space: means, log variances and one draw each, ``(batch, n_latent)``."""

    mean: torch.Tensor
    log_variance: torch.Tensor
    draw: torch.Tensor


@dataclass(frozen=True, eq=False)
class Losses:
    """The four parts of what the autoencoders minimise, each the mean over both modalities' cells.

    ``reconstruction``: squared error a feature; ``kl``: nats a cell; ``label``: cross-entropy of the labels, nats;
    ``fooling``: cross-entropy of the discriminator's answers with the *other* modality, nats.
    """

    reconstruction: torch.Tensor
    kl: torch.Tensor
    label: torch.Tensor
    fooling: torch.Tensor

    def total(self, kl_weight: float, label_weight: float, modality_weight: float) -> torch.Tensor:
        """Reconstruction + λ KL + α label + β fooling."""
        return self.reconstruction + kl_weight * self.kl + label_weight * self.label + modality_weight * self.fooling


class Networks:
    """An encoder and a decoder a modality, a linear label head and a discriminator on the latents that they share."""

    def __init__(
        self,
        bodies: Sequence[NetworkClassifier],
        sides: Sequence[Modality],
        *,
        n_latent: int,
        n_labels: int,
        discriminator: tuple[int, ...],
        generator: Any,
    ) -> None:
        self.n_latent = n_latent
        self.encoders: list[Network] = [
            body.encoder(side, 2 * n_latent, generator) for body, side in zip(bodies, sides, strict=True)
        ]
        self.decoders: list[Network] = [
            body.decoder(side, n_latent, generator) for body, side in zip(bodies, sides, strict=True)
        ]
        self.head = Perceptron((n_latent, n_labels), False, 0.0, generator)
        self.discriminator = Perceptron((n_latent, *discriminator, 2), False, 0.0, generator)

    @property
    def of_autoencoders(self) -> list[torch.Tensor]:
        """What the first optimiser moves: everything but the discriminator."""
        return [tensor for net in (*self.encoders, *self.decoders, self.head) for tensor in net.trainable]

    @property
    def of_discriminator(self) -> list[torch.Tensor]:
        """What the second optimiser moves."""
        return self.discriminator.trainable

    def codes(self, side: int, x: torch.Tensor, generator: Any = None) -> Codes:
        """A batch, as the encoder reads it, in the latent space; without a generator the draw is the mean."""
        import torch

        both = self.encoders[side](x, generator)
        mean = both[:, : self.n_latent]
        log_variance = both[:, self.n_latent :].clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
        if generator is None:
            return Codes(mean, log_variance, mean)
        noise = torch.randn(mean.shape, generator=generator)
        return Codes(mean, log_variance, mean + noise * torch.exp(log_variance / 2))

    def losses(
        self, x: Sequence[torch.Tensor], y: Sequence[torch.Tensor], codes: Sequence[Codes], generator: Any = None
    ) -> Losses:
        """The parts of the autoencoders' loss for one batch a modality."""
        from torch.nn.functional import cross_entropy, mse_loss

        decoded = [self.decoders[i](code.draw, generator) for i, code in enumerate(codes)]
        return Losses(
            reconstruction=_mean([mse_loss(out, real) for out, real in zip(decoded, x, strict=True)]),
            kl=_mean([divergence(code) for code in codes]),
            label=_mean([cross_entropy(self.head(code.draw), own) for code, own in zip(codes, y, strict=True)]),
            fooling=self.fooling([code.draw for code in codes]),
        )

    def parts(self, side: int, x: torch.Tensor, y: torch.Tensor, code: Codes) -> tuple[float, float, float]:
        """Reconstruction, KL and label loss of one modality's cells, scored and not trained on."""
        from torch.nn.functional import cross_entropy, mse_loss

        reconstruction = mse_loss(self.decoders[side](code.draw), x)
        return float(reconstruction), float(divergence(code)), float(cross_entropy(self.head(code.draw), y))

    def telling(self, draws: Sequence[torch.Tensor]) -> torch.Tensor:
        """The discriminator's loss: cross-entropy of its answers with each cell's own modality, nats."""
        return self._answers(draws, (0, 1))

    def fooling(self, draws: Sequence[torch.Tensor]) -> torch.Tensor:
        """The encoders' adversarial loss: the same with the modalities exchanged.

        Its gradient by a cell's latent points against that of :meth:`telling` for every answer, and unlike
        −telling it does not vanish where the discriminator is sure (Goodfellow et al. 2014, section 3).
        """
        return self._answers(draws, (1, 0))

    def _answers(self, draws: Sequence[torch.Tensor], modalities: tuple[int, int]) -> torch.Tensor:
        import torch
        from torch.nn.functional import cross_entropy

        return _mean(
            [
                cross_entropy(self.discriminator(draw), torch.full((draw.shape[0],), modality))
                for draw, modality in zip(draws, modalities, strict=True)
            ]
        )


def divergence(code: Codes) -> torch.Tensor:
    """KL(N(mean, variance) ‖ N(0, 1)) summed over latent dimensions, mean over cells, nats.

    Source: Kingma and Welling 2014, appendix B.
    """
    import torch

    each = code.mean**2 + torch.exp(code.log_variance) - 1 - code.log_variance
    return each.sum(dim=1).mean() / 2


def _mean(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Both modalities count alike, however many cells each has."""
    import torch

    return torch.stack(list(parts)).mean()
