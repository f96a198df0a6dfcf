"""Runs coroutines in tests."""

import asyncio
import concurrent.futures


def run(coroutine):
    """Runs a coroutine in a new thread; returns the coroutine's result.

    A browser of another test may keep an event loop in this thread.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()
