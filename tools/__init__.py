"""Programs that use or test models, run from a checkout with `python -m`."""

from trainers import startup

startup.prepare()
