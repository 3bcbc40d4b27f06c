"""What the Monitor page shows."""
