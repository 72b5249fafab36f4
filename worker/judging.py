"""Judging answers beside the loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from domain.acceptance import Verdict, judge
from domain.job import Kind
from domain.order import Horse
from worker.story import Judge


def judge_in(stack: AsyncExitStack) -> Judge:
    """Return the judge in a thread of its own, which ends with the stack.

    It is all computing: in the loop, a wave of answers would hold up heartbeats and deliveries
    until others took us for dead. More threads would only fight over the interpreter.
    """
    bench = ThreadPoolExecutor(1, thread_name_prefix="judge")
    stack.callback(bench.shutdown, wait=False, cancel_futures=True)

    async def judged(kind: Kind, horse: Horse, text: str) -> Verdict:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(bench, judge, kind, horse, text)

    return judged
