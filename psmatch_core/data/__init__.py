"""Data on the way in: modalities, images, labels, controls, preprocessing, checks and readers of files."""
