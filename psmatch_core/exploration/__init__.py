"""What a user explores interactively: epsilon paths, the L-curve, maps and selections of cells."""
