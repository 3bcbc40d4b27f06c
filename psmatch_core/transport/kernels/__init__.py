"""The compiled loops: passes over all pairs, kernels held in memory, supports."""
