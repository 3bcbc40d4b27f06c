"""What the Match page shows."""
