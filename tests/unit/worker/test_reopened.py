"""How long a job that was started again is tried."""

from datetime import timedelta

from domain.errors import ChainExhausted
from domain.job import Job, Kind, State
from tests.builders import NOW, SESSION_ID
from tests.fakes_worker import JOB_ID, PATIENCE
from worker.decisions import Park, Postpone, ending_of


def test_the_give_up_age_counts_from_the_reopening() -> None:
    """An old job that a human started again gets its full time once more, and no longer."""
    old = Job(
        id=JOB_ID,
        kind=Kind.VALUATION,
        session_id=SESSION_ID,
        state=State.RUNNING,
        created_at=NOW - timedelta(days=9),
        updated_at=NOW,
    )
    reopened = old.model_copy(update={"reopened_at": NOW - timedelta(hours=1)})
    tried_long = old.model_copy(update={"reopened_at": NOW - timedelta(hours=25)})

    endings = [
        ending_of(ChainExhausted("all down"), job, now=NOW, patience=PATIENCE)
        for job in (old, reopened, tried_long)
    ]

    assert [type(ending) for ending in endings] == [Park, Postpone, Park]
