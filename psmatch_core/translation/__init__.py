"""From a coupling to predictions: translate cells, fit a translator for new cells."""
