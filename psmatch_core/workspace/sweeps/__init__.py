"""Sweeps: what they vary, what they cost, and their figures side by side; ``jobs/sweep.py`` does their runs."""
