"""Times the training step of our model and of models of other libraries."""
