"""What programs around a model share: their flags, and loading the model."""
