"""What a user drags and draws around: epsilon, the L-curve, selections and maps."""
