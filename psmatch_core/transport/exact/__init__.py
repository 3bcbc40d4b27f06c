"""Exact transport between uniform weights: an assignment, or a flow on a sparse support."""
