"""What the Translate page shows."""
