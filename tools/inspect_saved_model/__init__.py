"""Inspects a SavedModel: signatures, size, contract, speed, comparisons."""
