"""What each page shows, one folder for each page."""
