"""Checks and measures a SavedModel, and compares it with another model."""
