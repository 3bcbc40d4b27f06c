"""The networks of the joint VAE and their two losses: the autoencoders' and the discriminator's.

Imports torch, so other files import this one inside the function that trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from psmatch_core.classification.classifiers import NetworkClassifier
from psmatch_core.classification.networks.architectures import perceptron

LOG_VARIANCE_LIMIT = 10.0  # exp(±5) as a spread: beyond it one draw overflows float32 and nothing more is said


@dataclass(frozen=True, eq=False)
class Codes:
    """One modality's batch in the latent space: means, log variances and one draw each, ``(batch, n_latent)``."""

    mean: torch.Tensor
    log_variance: torch.Tensor
    draw: torch.Tensor


@dataclass(frozen=True, eq=False)
class Losses:
    """The four parts of the autoencoders' loss, each the mean over the cells of both modalities.

    ``reconstruction``: squared error per feature; ``kl``: nats per cell; ``label``: cross-entropy of the labels, nats;
    ``fooling``: cross-entropy of the discriminator's answers with the *other* modality, nats.
    """

    reconstruction: torch.Tensor
    kl: torch.Tensor
    label: torch.Tensor
    fooling: torch.Tensor

    def total(self, kl_weight: float, label_weight: float, modality_weight: float) -> torch.Tensor:
        """Reconstruction + λ KL + α label + β fooling."""
        return self.reconstruction + kl_weight * self.kl + label_weight * self.label + modality_weight * self.fooling


class VAENetworks(nn.Module):  # type: ignore[misc]  # torch's modules carry no types here
    """One encoder and decoder per modality, and on the shared latents a linear label head and a discriminator.

    Parameters
    ----------
    bodies, shapes
        Of each modality: the classifier whose architecture is used, and the shape of a cell.
    discriminator
        Hidden widths.
    generator
        Starts, dropout and latent draws come from it.
    """

    def __init__(
        self,
        bodies: Sequence[NetworkClassifier],
        shapes: Sequence[tuple[int, ...]],
        *,
        n_latent: int,
        n_labels: int,
        discriminator: tuple[int, ...],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.n_latent, self.generator = n_latent, generator
        sides = list(zip(bodies, shapes, strict=True))
        self.encoders = nn.ModuleList(body.encoder(shape, 2 * n_latent, generator) for body, shape in sides)
        self.decoders = nn.ModuleList(body.decoder(shape, n_latent, generator) for body, shape in sides)
        self.head = perceptron((n_latent, n_labels), generator=generator)
        self.discriminator = perceptron((n_latent, *discriminator, 2), generator=generator)

    def autoencoder_parameters(self) -> list[nn.Parameter]:
        """What the first optimiser moves: everything but the discriminator."""
        return [*self.encoders.parameters(), *self.decoders.parameters(), *self.head.parameters()]

    def discriminator_parameters(self) -> list[nn.Parameter]:
        """What the second optimiser moves."""
        return list(self.discriminator.parameters())

    def codes(self, side: int, x: torch.Tensor) -> Codes:
        """A batch in the latent space; in evaluation mode the draw is the mean."""
        both = self.encoders[side](x)
        mean = both[:, : self.n_latent]
        log_variance = both[:, self.n_latent :].clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)
        if not self.training:
            return Codes(mean, log_variance, mean)
        noise = torch.randn(mean.shape, generator=self.generator).to(mean.device)
        return Codes(mean, log_variance, mean + noise * torch.exp(log_variance / 2))

    def losses(self, x: Sequence[torch.Tensor], y: Sequence[torch.Tensor], codes: Sequence[Codes]) -> Losses:
        """The parts of the autoencoders' loss for one batch of each modality."""
        decoded = [self.decoders[side](code.draw) for side, code in enumerate(codes)]
        return Losses(
            reconstruction=_mean([mse_loss(out, real) for out, real in zip(decoded, x, strict=True)]),
            kl=_mean([kl_from_prior(code) for code in codes]),
            label=_mean([cross_entropy(self.head(code.draw), own) for code, own in zip(codes, y, strict=True)]),
            fooling=self.fooling_loss([code.draw for code in codes]),
        )

    def side_losses(self, side: int, x: torch.Tensor, y: torch.Tensor, code: Codes) -> tuple[float, float, float]:
        """Reconstruction, KL and label loss of one modality's cells."""
        reconstruction = mse_loss(self.decoders[side](code.draw), x)
        return float(reconstruction), float(kl_from_prior(code)), float(cross_entropy(self.head(code.draw), y))

    def discriminator_loss(self, draws: Sequence[torch.Tensor]) -> torch.Tensor:
        """Cross-entropy of the discriminator's answers with each cell's own modality, nats."""
        return self._answers(draws, (0, 1))

    def fooling_loss(self, draws: Sequence[torch.Tensor]) -> torch.Tensor:
        """The encoders' adversarial loss: the discriminator's with the modalities exchanged.

        For every answer its gradient by a cell's latent points against that of :meth:`discriminator_loss`, and unlike
        the negative of that loss it does not vanish where the discriminator is sure (Goodfellow et al. 2014,
        section 3).
        """
        return self._answers(draws, (1, 0))

    def _answers(self, draws: Sequence[torch.Tensor], modalities: tuple[int, int]) -> torch.Tensor:
        return _mean(
            [
                cross_entropy(self.discriminator(draw), torch.full((draw.shape[0],), modality, device=draw.device))
                for draw, modality in zip(draws, modalities, strict=True)
            ]
        )


def kl_from_prior(code: Codes) -> torch.Tensor:
    """KL(N(mean, variance) ‖ N(0, 1)) summed over latent dimensions, mean over cells, nats.

    Source: Kingma and Welling 2014, appendix B.
    """
    each = code.mean**2 + torch.exp(code.log_variance) - 1 - code.log_variance
    return each.sum(dim=1).mean() / 2


def _mean(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Both modalities count alike, however many cells each has."""
    return torch.stack(list(parts)).mean()
