"""Hierarchies: their management under /api/v1, and the API of its own that each has for its records."""
