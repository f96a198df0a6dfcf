"""Kills a training run again and again and compares what it ends with."""
