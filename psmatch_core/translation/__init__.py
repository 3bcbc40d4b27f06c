"""From a coupling to predictions: features for the matched cells, and trained translators for new cells."""
