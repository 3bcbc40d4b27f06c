"""Baselines: what exists to be compared with. One file each."""

from psmatch_core.classification.baselines.joint_latents import HISTORY, JointLatents
from psmatch_core.classification.baselines.joint_vae import JointVAE
from psmatch_core.classification.baselines.vae_training import fit_joint_vae

__all__ = ["HISTORY", "JointLatents", "JointVAE", "fit_joint_vae"]
