"""Training programs, run from a checkout with `python -m`."""

from trainers import startup

startup.prepare()
