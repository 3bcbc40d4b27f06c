"""Entropic transport: from coarse to fine, down to the epsilon asked for, with a certificate."""
