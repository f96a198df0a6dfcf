"""A SavedModel on Ray Serve, which answers as TensorFlow Serving does."""
