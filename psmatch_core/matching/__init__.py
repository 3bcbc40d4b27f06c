"""From scores to a coupling: one block per label, made by a matcher."""
