"""Kills training runs again and again, and compares their results."""
