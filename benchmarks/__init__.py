"""Measurements, each a module: `python -m benchmarks.NAME` from the repository root."""
