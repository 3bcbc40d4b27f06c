"""What every room stands on: errors, options, progress, randomness, threads, files on disk, locks and arrays."""
