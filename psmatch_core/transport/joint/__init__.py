"""Labeled Gromov-Wasserstein and co-optimal transport: all labels solved together."""
