"""Runs the engines of a benchmark, each in a process of its own.

An engine does the work that the benchmark measures.
"""
