"""Runs on disk: folders, the list of runs, the queue, the worker and its jobs."""
