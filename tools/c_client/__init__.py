"""A translator without Python: a C program that uses TensorFlow's C API."""
