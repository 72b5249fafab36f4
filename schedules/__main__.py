"""`python -m schedules`: beat, and the chores that are the clock's own."""

import sys

from config.startup import begin
from schedules.chores import make_chores, switched_off
from schedules.process import keep_time
from schedules.timetable import TIMETABLE


def main() -> int:
    """Keep time until SIGTERM; a second process at the same time does no harm."""
    settings = begin("beat")
    off = switched_off(settings)
    return keep_time(settings, [e for e in TIMETABLE if e.task not in off], make_chores)


if __name__ == "__main__":
    sys.exit(main())
