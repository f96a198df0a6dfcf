"""Engines: processes that run the work of a benchmark when it asks."""
