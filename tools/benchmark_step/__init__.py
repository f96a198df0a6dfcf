"""Times the training step, and compares it with other libraries."""
