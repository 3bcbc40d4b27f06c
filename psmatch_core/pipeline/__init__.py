"""From a recipe to a finished run: inputs, stages, leave-out, demo data."""
