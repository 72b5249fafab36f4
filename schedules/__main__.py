"""`python -m schedules`: beat, and the chores that are the clock's own."""

import sys

from config.startup import begin
from schedules.chores import make_chores, periods, switched_off
from schedules.process import keep_time
from schedules.timetable import TIMETABLE, timed


def main() -> int:
    """Keep time until SIGTERM; a second process at the same time does no harm."""
    settings = begin("beat")
    off = switched_off(settings)
    entries = [entry for entry in timed(TIMETABLE, periods(settings)) if entry.task not in off]
    return keep_time(settings, entries, make_chores)


if __name__ == "__main__":
    sys.exit(main())
