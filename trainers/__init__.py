"""The trainer, and its parts.

Run it from a checkout with `python -m trainers.train_translation`.
"""

from trainers import startup

startup.prepare()
