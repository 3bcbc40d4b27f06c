"""What the Propensity page shows."""
