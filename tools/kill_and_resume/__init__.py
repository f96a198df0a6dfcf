"""Kills and continues runs, and compares them with an undisturbed run."""
