"""What a job costs: the queue's share and the story's, against the floor and against peers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench import contest
from bench.contest import Contender, Heat, run
from bench.figures import Figure, Section, Table, Target, difference, ratio
from bench.house import House

PREFORK_FLIGHT: Final = 8
CEILING_FLIGHT: Final = 200
HELD: Final = 1000
HELD_S: Final = 20.0
"""So long do models take where all calls must be open at once before the first one ends."""

STORIES_PER_S: Final = 30
"""Answers a second that one core can judge and store."""

BODIES: Final = (contest.FLOOR, contest.OURS)
PEERS: Final = (contest.TASKIQ, contest.ARQ, contest.DRAMATIQ)
STORIES: Final = (contest.STORY_FLOOR, contest.STORY)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which heats are run: jobs in flight by the number of jobs.

    `stories` are levels of the real story with and without a queue. `told` are those of our worker
    alone where answers come as fast as it can judge them: all at once they would only queue up.
    """

    bodies: dict[int, int]
    peers: dict[int, int]
    streams: dict[int, int]
    told: dict[int, int]
    stories: dict[int, int]
    story_streams: dict[int, int]


FULL: Final = Plan(
    # The first wave starts a thread for each slot: below 1,500 jobs that is half of the figure.
    bodies={50: 250, 200: 1500, 500: 1000, 1000: 2000},
    peers={200: 1500, 1000: 1500},
    streams={200: 500},
    told={50: 100, 1000: 1000},
    stories={200: 400},
    story_streams={200: 200},
)
QUICK: Final = Plan(
    bodies={200: 600}, peers={}, streams={}, told={}, stories={200: 200}, story_streams={}
)


def measure(house: House, *, quick: bool) -> Section:
    plan = QUICK if quick else FULL
    heats = [
        *_all(house, BODIES, plan.bodies),
        *_all(house, PEERS, plan.peers),
        run(house, contest.PREFORK, flight=PREFORK_FLIGHT, jobs=4 * PREFORK_FLIGHT),
        *_all(house, BODIES, plan.streams, stream=True),
        *(_tell(house, flight, jobs) for flight, jobs in plan.told.items()),
        *_all(house, STORIES, plan.stories),
        *_all(house, STORIES, plan.story_streams, stream=True),
        run(house, contest.OURS, flight=HELD, jobs=HELD, latency_s=HELD_S),
    ]
    return Section(
        "jobs",
        "Job overhead: CPU of the one worker process per job",
        tables=[_table(heats)],
        figures=_figures(heats),
        notes=[
            "`x floor` compares with the same body without a queue in this run.",
            "`of ceiling` is the share of in-flight / 1 s that was reached behind the first wave.",
            f"The story at other levels than {CEILING_FLIGHT}: answers spread, {STORIES_PER_S}/s.",
            "Peers run our Motor body in environments of their own; arq polls every 50 ms.",
            *(f"{heat.contender.name}: {heat.trouble}" for heat in heats if heat.trouble),
            *(note for heat in heats if (note := _other_ends(heat))),
        ],
    )


def _all(
    house: House, contenders: Sequence[Contender], levels: dict[int, int], *, stream: bool = False
) -> list[Heat]:
    """Let the contenders of one level follow each other, so that they see the same machine."""
    return [
        run(house, contender, flight=flight, jobs=jobs, stream=stream)
        for flight, jobs in levels.items()
        for contender in contenders
    ]


def _tell(house: House, flight: int, jobs: int) -> Heat:
    latency_s = max(flight / STORIES_PER_S, contest.LATENCY_S)
    return run(house, contest.STORY, flight=flight, jobs=jobs, latency_s=latency_s, spread=0.5)


def _table(heats: Sequence[Heat]) -> Table:
    columns = (
        "contender", "in flight", "model s", "answers", "CPU ms/job", "x floor", "jobs/s",
        "of ceiling %", "MiB/call", "calls at once",
    )  # fmt: skip
    return Table(columns, [_row(heat, heats) for heat in heats])


def _row(heat: Heat, heats: Sequence[Heat]) -> list[str | float | None]:
    floor = _floor_of(heat, heats)
    return [
        heat.contender.name,
        str(heat.flight),
        heat.latency_s,
        "stream" if heat.stream else "whole",
        heat.cpu_ms,
        ratio(heat.cpu_ms, floor.cpu_ms if floor else None),
        heat.jobs_per_s,
        heat.share * 100 if heat.share is not None else None,
        heat.mib_per_call,
        str(heat.most_in_flight or "-"),
    ]


def _figures(heats: Sequence[Heat]) -> list[Figure]:
    ours = _find(heats, contest.OURS, CEILING_FLIGHT)
    floor = _find(heats, contest.FLOOR, CEILING_FLIGHT)
    taskiq = _find(heats, contest.TASKIQ, CEILING_FLIGHT)
    held = next(heat for heat in heats if heat.latency_s == HELD_S)
    added = difference(_cpu(ours), _cpu(floor))
    of_floor = ratio(ours.share if ours else None, floor.share if floor else None)
    return [
        Figure("queue adds to the same body, 200 in flight", added, "ms", Target(1.0)),
        Figure("our body / taskiq's", ratio(_cpu(ours), _cpu(taskiq)), "x", Target(1.0)),
        Figure("share of the I/O ceiling", _percent(ours), "%", Target(97, at_least=True)),
        Figure("floor's share of the ceiling", _percent(floor), "%"),
        Figure("our share / floor's", of_floor, "x", Target(0.97, at_least=True)),
        Figure(
            "calls at once in one process", held.most_in_flight, "", Target(1000, at_least=True)
        ),
        Figure("memory per waiting call", held.mib_per_call, "MiB", Target(0.3)),
        *_story_figures(heats),
    ]


def _story_figures(heats: Sequence[Heat]) -> list[Figure]:
    story = _find(heats, contest.STORY, CEILING_FLIGHT)
    bare = _find(heats, contest.STORY_FLOOR, CEILING_FLIGHT)
    floor = _find(heats, contest.FLOOR, CEILING_FLIGHT)
    told = difference(_cpu(bare), _cpu(floor))
    return [
        Figure("real story adds to the shared body, no queue", told, "ms"),
        Figure("queue adds to the real story", difference(_cpu(story), _cpu(bare)), "ms"),
    ]


def _other_ends(heat: Heat) -> str:
    """Say how messages ended that did not end a job: they cost, too."""
    ends = {
        outcome: count
        for outcome, count in heat.notes.get("outcomes", {}).items()
        if outcome not in {"done", "delivered"}
    }
    return f"{heat.contender.name}, {heat.flight} in flight, also: {ends}" if ends else ""


def _cpu(heat: Heat | None) -> float | None:
    return heat.cpu_ms if heat else None


def _percent(heat: Heat | None) -> float | None:
    return heat.share * 100 if heat and heat.share is not None else None


def _find(
    heats: Sequence[Heat], contender: Contender, flight: int, *, stream: bool = False
) -> Heat | None:
    wanted = (contender, flight, stream)
    found = (heat for heat in heats if (heat.contender, heat.flight, heat.stream) == wanted)
    return next(found, None)


def _floor_of(heat: Heat, heats: Sequence[Heat]) -> Heat | None:
    floor = contest.STORY_FLOOR if heat.contender.story else contest.FLOOR
    return _find(heats, floor, heat.flight, stream=heat.stream)
