"""Compiles the steps of a run for a TPU, on a machine without a TPU."""
