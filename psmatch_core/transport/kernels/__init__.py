"""The compiled loops: passes over all pairs, kernels in memory, supports."""
