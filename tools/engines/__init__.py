"""Processes that work when another process asks, for benchmarks."""
