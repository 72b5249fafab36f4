"""The two words every contender understands: `fill` the queue, `serve` it."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop


def main(fill: Callable[[], None], serve: Callable[[], None]) -> None:
    {"fill": fill, "serve": serve}[sys.argv[1]]()


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop, as our worker does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(coroutine)
