"""The emergency switch in a worker."""

from dataclasses import dataclass

from domain.errors import Unavailable
from tests.fakes.clock import FakeClock
from worker.switches import DirectOnly


@dataclass
class Ledger:
    """A switch in a ledger that may be away."""

    on: bool = False
    is_down: bool = False

    async def read(self) -> bool:
        if self.is_down:
            raise Unavailable("MongoDB did not answer")
        return self.on


async def test_the_switch_is_followed_both_ways() -> None:
    """Off before the first look, then as the ledger says."""
    ledger = Ledger(on=True)
    switch = DirectOnly(ledger.read, FakeClock())
    seen = [switch()]
    await switch.look()
    seen.append(switch())
    ledger.on = False
    await switch.look()

    assert [*seen, switch()] == [False, True, False]


async def test_the_last_value_is_kept_while_the_ledger_is_away() -> None:
    """An outage of MongoDB neither throws nor resets the switch."""
    ledger = Ledger(on=True)
    switch = DirectOnly(ledger.read, FakeClock())
    await switch.look()
    ledger.is_down = True
    await switch.look()

    assert switch()
