"""Inspects a SavedModel: checks it, measures it and compares it."""
