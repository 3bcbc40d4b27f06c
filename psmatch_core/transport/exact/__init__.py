"""Exact transport between uniform weights: an assignment if the sides are equal, otherwise a flow on a support."""
