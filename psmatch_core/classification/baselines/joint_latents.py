"""Latents of the joint VAE: the positions of one modality's cells in the space that both encoders share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.baselines.joint_vae import TITLE, JointVAE
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Matrix

# Columns of a history: squared error per feature, KL and label losses in nats per cell, share of cells whose
# modality the discriminator names correctly (0.5 is chance). All but the training loss are for held-out cells.
HISTORY = ("reconstruction", "kl", "training_loss", "validation_loss", "discriminator_accuracy")
ENCODER = "encoder"
HEAD = "head"
WINDOW = 5  # epochs over which the discriminator is averaged: it and the encoders take turns in the lead


@dataclass(frozen=True, eq=False)
class JointLatents(ScoredModality):
    """Posterior means of one modality's cells; losses and accuracy are those of the label head on them.

    Parameters
    ----------
    latents
        Posterior means ``(n_cells, n_latent)``, no unit.
    head_logits
        Centred logits ``(n_cells, n_labels)`` of the label head at the posterior means, nats.
    parameters
        Weights of the encoder and the scale of its inputs (``encoder/…``), weights of the label head (``head/…``):
        used to score new cells.
    history
        By epoch ``(n_epochs, 5)``, columns as in :data:`HISTORY`; the last is the same for both modalities.
    best
        The epoch that was kept, counted from 0.
    vae, seed
        What made it.
    """

    space_name: ClassVar[str] = TITLE
    space_unit: ClassVar[str] = ""

    latents: np.ndarray
    head_logits: np.ndarray
    parameters: Mapping[str, np.ndarray] = field(repr=False)
    history: np.ndarray = field(repr=False)
    best: int
    vae: JointVAE
    seed: int

    @property
    def space(self) -> np.ndarray:
        """The posterior means."""
        return self.latents

    @property
    def discriminator_accuracy(self) -> float:
        """Share of held-out cells whose modality the discriminator names correctly, mean of the last five epochs kept.

        0.5 is chance: the modalities share the space. Far below is as bad as far above.
        """
        rows = self.history[max(0, self.best - WINDOW + 1) : self.best + 1]
        return float(rows[:, HISTORY.index("discriminator_accuracy")].mean())

    @property
    def reconstruction(self) -> float:
        """Squared error per feature of held-out cells, at the epoch that was kept."""
        return float(self.history[self.best, HISTORY.index("reconstruction")])

    @property
    def kl(self) -> float:
        """KL divergence of the held-out cells' posteriors from the prior, nats per cell, at the epoch kept."""
        return float(self.history[self.best, HISTORY.index("kl")])

    def part(self, name: str) -> dict[str, np.ndarray]:
        """The weights of one network, ``encoder`` or ``head``."""
        return {key.partition("/")[2]: value for key, value in self.parameters.items() if key.startswith(f"{name}/")}

    def encode(self, X: Matrix) -> np.ndarray:
        """Posterior means ``(n, n_latent)`` of new cells with the same features as the modality's."""
        if X.shape[1] != self.modality.n_features:
            raise PsmatchError(
                f"{self.modality.name}: new cells have {X.shape[1]:,} features, the encoder was trained on "
                f"{self.modality.n_features:,}.",
                hint="Preprocess the new cells with the transform that was fitted for this run.",
            )
        body = self.vae.body(self.modality)
        both = body.outputs(self.part(ENCODER), self.modality.in_shape(X))  # (n, 2 n_latent): means, then log variances
        return np.asarray(both[:, : self.vae.n_latent], dtype=np.float64)

    def __repr__(self) -> str:
        return (
            f"JointLatents({self.modality.name}: {self.latents.shape[1]} dimensions, label loss "
            f"{self.validation_loss:.3f} of {self.label_entropy:.3f} nats, discriminator right "
            f"{self.discriminator_accuracy:.0%} of the time)"
        )
