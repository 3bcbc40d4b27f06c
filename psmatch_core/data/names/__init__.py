"""The grammar of names in screens: guides and their genes, joint names, calls, and controls."""
