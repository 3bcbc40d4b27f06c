"""Entropic transport: from coarse to fine, down to the requested epsilon, with a certificate."""
