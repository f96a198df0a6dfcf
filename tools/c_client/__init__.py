"""Makes a C program that translates with TensorFlow's C API, without Python."""
