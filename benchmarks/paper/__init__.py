"""The papers' tables, remade: one module a table, run as ``python -m benchmarks.paper.NAME``."""
