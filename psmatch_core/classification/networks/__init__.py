"""Neural networks: their architectures as torch modules, and how they are trained."""
