"""The flags of programs that use a model, and code that loads the model."""
