"""Background work on a run: one file for each kind of job."""
