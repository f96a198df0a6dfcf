"""Programs around a trained model, run from a checkout with `python -m`."""

from trainers import startup

startup.prepare()
