"""Commands of the command line that are more than a line or two, one a file: each adds its options and does its work."""
