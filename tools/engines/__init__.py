"""Runs the engines of a benchmark, which do its work in other processes."""
