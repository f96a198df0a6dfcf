"""Serves a SavedModel on Ray Serve, with TensorFlow Serving's REST API."""
