"""Commands of the command line that take more than a few lines, one a file: each adds its options and does its work."""
