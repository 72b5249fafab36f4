"""The process of the clock with a timetable and a chore of a test's own.

The chore notes its runs in the collection `runs`: one document as it begins, with the moment at
which the lease was taken, changed as it ends.
While the collection `brakes` holds a document it goes on.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Final

from config.startup import begin
from doorbell.names import ClockTask
from ledger.names import LEASES
from schedules.chores import Chore, Tools
from schedules.process import keep_time
from schedules.timetable import Entry

EVERY_S: Final = 2.0


def make_chores(tools: Tools) -> Mapping[ClockTask, Chore]:
    database = tools.connection.database

    async def work() -> str:
        lease = await tools.connection.latest(LEASES).find_one({"_id": ClockTask.AGGREGATE.value})
        number = lease["runs"] if lease else 0
        begun = {"_id": number, "at": lease and lease["last_started"], "pid": os.getpid()}
        await database["runs"].insert_one(begun)
        while await database["brakes"].find_one():  # noqa: ASYNC110 - released by another process
            await asyncio.sleep(0.05)
        await database["runs"].update_one({"_id": number}, {"$set": {"ended": True}})
        return "done"

    return {ClockTask.AGGREGATE: Chore(work)}


if __name__ == "__main__":
    line = Entry(task=ClockTask.AGGREGATE, every_s=EVERY_S, why="A test watches it.")
    sys.exit(keep_time(begin("rehearsed"), [line], make_chores))
