"""Training programs. Run them from a checkout with `python -m`."""

from trainers import startup

startup.prepare()
