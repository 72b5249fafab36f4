"""When a model is left alone, and how it comes back."""

from hypothesis import given
from hypothesis import strategies as st

from llm.breaker import Breaker, BreakerPolicy, Circuit
from tests.fakes.clock import FakeClock
from tests.unit.llm.doubles import NoRedis

POLICY = BreakerPolicy(failures=3, window_s=60, open_s=30)
OPEN = Circuit(open_until=130.0)


def after_failures(*moments: float) -> Circuit:
    circuit = Circuit()
    for moment in moments:
        circuit = circuit.failed(moment, POLICY)
    return circuit


def test_failures_close_together_open_the_breaker() -> None:
    """The third within a minute does."""
    assert after_failures(0, 10).admitted(11, POLICY) is not None
    assert after_failures(0, 10, 20).admitted(21, POLICY) is None


def test_failures_far_apart_do_not() -> None:
    """Old ones are forgotten."""
    assert after_failures(0, 50, 100, 150, 200).admitted(201, POLICY) is not None


def test_a_closed_circuit_stays_as_it_is() -> None:
    """The ordinary case writes nothing."""
    assert Circuit().admitted(5, POLICY) == Circuit()


def test_one_probe_at_a_time_when_half_open() -> None:
    """The first asker gets it; if it never reports, the next one may after a while."""
    probing = OPEN.admitted(131, POLICY)
    assert probing is not None
    assert probing.admitted(132, POLICY) is None
    assert probing.admitted(161, POLICY) is not None


def test_a_failed_probe_opens_again() -> None:
    """For the full time."""
    probing = OPEN.admitted(131, POLICY)
    assert probing is not None
    assert probing.failed(135, POLICY) == Circuit(open_until=165.0)


def test_late_failures_do_not_prolong_the_opening() -> None:
    """Calls that began before are no news."""
    assert OPEN.failed(120, POLICY) == OPEN


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans()), max_size=60))
def test_no_sequence_shuts_a_model_out_for_good(events: list[tuple[float, bool]]) -> None:
    """Whatever happened, after one opening time somebody may ask."""
    circuit, now = Circuit(), 1000.0
    for pause, asks in events:
        now += pause
        asked = circuit.admitted(now, POLICY) or circuit
        circuit = asked if asks else circuit.failed(now, POLICY)
    assert circuit.admitted(now + POLICY.open_s, POLICY) is not None


async def test_without_redis_each_process_keeps_its_own() -> None:
    """Open after the failures, half-open later, closed by a success."""
    clock = FakeClock()
    breaker = Breaker(NoRedis(), clock, POLICY)
    for _ in range(3):
        await breaker.failed("m")

    assert not await breaker.admits("m")
    assert await breaker.admits("another")
    clock.advance(31)
    assert await breaker.admits("m")
    assert not await breaker.admits("m")
    await breaker.succeeded("m")
    assert await breaker.admits("m")
