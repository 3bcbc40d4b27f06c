"""JointVAE: the settings of the joint VAE, a space that both modalities share."""

from __future__ import annotations

from dataclasses import dataclass

from psmatch_core.base.config import option
from psmatch_core.classification.classifiers import CNNClassifier, MLPClassifier, NetworkClassifier
from psmatch_core.classification.scored_modality import Space
from psmatch_core.data.modality import Modality

TITLE = "joint VAE latents"


@dataclass(frozen=True)
class JointVAE(Space, title="Joint VAE latents (baseline, Yang et al. 2021)", place=2):
    """Variational autoencoders of both modalities with one latent space; cells are matched on the posterior means.

    The autoencoders minimise reconstruction + λ KL + α label + β fooling, the discriminator the cross-entropy of the
    modality; two optimisers, one step each in turn. All parts are means over cells, reconstruction over features too.

    Source: Yang et al. 2021, Nature Communications 12:31, as Xi et al. 2024 describe it. The released code of the
    latter exchanges α and β, trains the modality head to help, and matches on a draw; this class follows the text.
    """

    network: MLPClassifier = option(
        MLPClassifier(),
        help="The classifier with which it is compared: its body is the encoder, its mirror image the decoder, and "
        "its epochs, batches, learning rate and dropout are used.",
        advanced=True,
    )
    image_network: CNNClassifier = option(
        CNNClassifier(),
        help="The same for images; if either modality is images, its epochs, batches and learning rate are used.",
        advanced=True,
    )
    n_latent: int = option(16, minimum=1, maximum=4096, unit="dimensions", help="Size of the latent space.")
    kl_weight: float = option(1e-3, minimum=0, label="λ", help="Weight of the KL divergence from the prior.")
    label_weight: float = option(1.0, minimum=0, label="α", help="Weight of the label classifier on the latents.")
    modality_weight: float = option(
        0.1, minimum=0, label="β", help="Weight of fooling the discriminator that predicts the modality."
    )
    discriminator: tuple[int, ...] = option(
        (96,), minimum=1, maximum=65536, unit="units", help="Hidden widths of the discriminator.", advanced=True
    )

    @property
    def title(self) -> str:
        return TITLE

    def body(self, *modalities: Modality) -> NetworkClassifier:
        """The classifier whose body encodes a modality, or whose schedule several modalities share."""
        has_images = any(each.image_shape is not None for each in modalities)
        return self.image_network if has_images else self.network

    def check(self, *modalities: Modality) -> None:
        """Refuse images that are too small for the convolutions, before training."""
        for each in modalities:
            self.body(each).check(each.in_shape(each.X), name=each.name)
