"""A translator without Python: a C program over the C API of TensorFlow."""
