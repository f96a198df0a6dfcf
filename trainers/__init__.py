"""Training programs, run from a checkout with `python -m`."""

import os

# TensorFlow's start-up messages would drown what a program has to say.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
