"""Programs that prepare data, and that use, test or measure models.

Run them from a checkout with `python -m`.
"""

from trainers import startup

startup.prepare()
