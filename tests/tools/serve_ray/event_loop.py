"""Runs coroutines in tests."""

import asyncio
import concurrent.futures


def run(coroutine):
    """Returns the result of a coroutine, which has a thread of its own.

    A browser of another test may keep an event loop in this thread.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()
