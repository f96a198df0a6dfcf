"""Compiles the training and the search of a run for a TPU, without a TPU."""
