"""Data: modalities, images, labels, controls, preprocessing, checks, and readers of files."""
