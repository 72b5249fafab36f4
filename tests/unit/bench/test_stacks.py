"""Summing up raw stacks and import logs."""

import pytest

from bench.stacks import LOOP, Cost, costs, functions
from bench.upkeep import import_costs

JUDGED = "main (worker/__main__.py:1);work (worker/story.py:9);judge (domain/acceptance/tone.py:3)"
MATCHED = f"{JUDGED};search (re/__init__.py:176) 6"
WRITTEN = "work (worker/story.py:9);claim (ledger/jobs.py:2);send (pymongo/network.py:5) 3"
IDLE = "run (uvloop/loop.pyx:1) 1"


def test_the_frame_nearest_the_leaf_decides() -> None:
    """The driver's time is the driver's, though the story asked for it."""
    assert costs([MATCHED, WRITTEN, IDLE]) == [
        Cost("judging the answer", 0.6),
        Cost("MongoDB driver (pymongo, Motor, bson)", 0.3),
        Cost(LOOP, 0.1),
    ]


def test_functions_count_with_what_they_call_and_once_per_sample() -> None:
    """A recursive function must not cost more than everything."""
    recursive = "work (worker/story.py:9);work (worker/story.py:11) 10"
    assert functions([recursive], of=("worker/",)) == [Cost("worker/story.py work", 1.0)]


@pytest.mark.parametrize("line", ["", "no count here", "a;b x"])
def test_what_is_no_stack_is_left_out(line: str) -> None:
    """Warnings of the profiler may stand between the stacks."""
    assert costs([line]) == []


def test_imports_are_summed_up_by_package() -> None:
    """The log's first column is a module's own time in microseconds."""
    log = [
        "import time: self [us] | cumulative | imported package",
        "import time:      1500 |       1500 |   celery.app",
        "import time:       500 |       2000 | celery",
        "import time:       250 |        250 | re",
    ]
    assert import_costs(log) == {"celery": 2.0, "re": 0.25}
