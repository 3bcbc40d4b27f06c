"""Foundations of all rooms: errors, options, progress, random numbers, threads, files, locks, records and arrays."""
