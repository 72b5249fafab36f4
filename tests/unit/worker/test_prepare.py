"""A process does not work before the ledger is prepared, and does not die of waiting for it."""

import pytest
from structlog.testing import capture_logs

from domain.errors import Unavailable
from ledger.connection import Connection, LedgerMisconfigured
from tests.fakes.clock import FakeClock
from worker.wiring import RETRY_SECONDS, prepare


class Refusing(Connection):
    """Fails with one error after the other."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    @property
    def name(self) -> str:
        return "test"

    async def check_replica_set(self) -> None:
        raise self._errors.pop(0)


@pytest.mark.parametrize(
    ("error", "event", "level"),
    [
        (Unavailable("away"), "waiting_for_mongodb", "warning"),
        (RuntimeError("odd"), "ledger_not_prepared", "error"),
    ],
)
async def test_trouble_is_told_and_tried_again(error: Exception, event: str, level: str) -> None:
    """Only a set-up that cannot work ends the process."""
    clock = FakeClock()
    with capture_logs() as logs, pytest.raises(LedgerMisconfigured):
        await prepare(Refusing(error, error, LedgerMisconfigured("standalone")), clock)
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [(event, level)] * 2
    assert clock.monotonic() == 2 * RETRY_SECONDS


async def test_what_is_odd_is_told_with_its_type() -> None:
    """Somebody has to find out why nothing is worked on."""
    with capture_logs() as logs, pytest.raises(LedgerMisconfigured):
        await prepare(Refusing(RuntimeError("odd"), LedgerMisconfigured("")), FakeClock())
    assert (logs[0]["error"], logs[0]["detail"]) == ("RuntimeError", "odd")
