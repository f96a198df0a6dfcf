"""Serves a SavedModel on Ray Serve, as TensorFlow Serving would."""
