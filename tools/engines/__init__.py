"""Runs the work of a benchmark in other processes, which are called engines."""
