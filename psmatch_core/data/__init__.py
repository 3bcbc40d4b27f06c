"""Data: modalities, images, labels, the grammar of names, preprocessing, checks, and readers of files."""
