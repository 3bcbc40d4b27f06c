"""What the Evaluate page shows."""
