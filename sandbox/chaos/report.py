"""What a run came to: one structure for the table, the JSON file and the exit code."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from sandbox.chaos.conductor import Conductor
from sandbox.chaos.deaths import Death, Left, left_behind, spread
from sandbox.chaos.judging import Breach, Observed
from sandbox.chaos.plan import Step
from sandbox.chaos.windows import (
    Window,
    ended_clear,
    first_after,
    statuses,
    webhooks_without_redis,
)

Json = dict[str, Any]

PROMISED_S: Final = 5.0
"""After kill -9 of a worker its jobs are running elsewhere within this."""

SETTLING_S: Final = 5.0
"""After MongoDB was away, all heartbeats look old for so long."""

_SHOWN: Final = 25
_SLOWEST: Final = 5
_WITHOUT_LEDGER: Final = "mongodb"


def summary(
    *, observed: Observed, conductor: Conductor, breaches: Sequence[Breach], options: Json
) -> Json:
    """Put everything measured into plain values; seconds unless a name says otherwise."""
    deaths = conductor.ground.deaths
    left = left_behind(observed.job_histories.values(), deaths, observed.outside)
    return {
        **options,
        "jobs": _jobs(observed),
        "model_calls": _calls(observed),
        "faults": dict(Counter(blow.fault.value for blow in conductor.struck)),
        "steps_hit": _steps(left),
        "kills": [_kill(death, left) for death in deaths],
        "recovery": _recovery(left, conductor.windows),
        "after_outages": _after_outages(observed, conductor.windows),
        "webhooks": _webhooks(observed),
        "webhooks_without_redis": _tries(webhooks_without_redis(observed.sales, conductor.windows)),
        "deploy_exits": dict(Counter(map(str, conductor.ground.deploy_exits))),
        "unplanned_exits": [f"{name}: {code}" for name, code in conductor.unplanned_exits],
        "blows_failed": conductor.failed,
        "breaches": [
            {"promise": b.promise, "subject": b.subject, "detail": b.detail} for b in breaches
        ],
    }


def _jobs(seen: Observed) -> Json:
    states = Counter(str(job["state"]) for job in seen.jobs.values())
    keys = Counter(str(mail.get("idempotency_key")) for mail in seen.mails)
    owed = sum(sale.story.jobs for sale in seen.sales)
    return {
        "owed": owed,
        "found": len(seen.jobs),
        "lost": max(0, owed - len(seen.jobs)),
        "by_state": dict(states),
        "results_doubled": sum(order.results > 1 for order in seen.order_histories.values()),
        "mails": len(seen.mails),
        "mails_doubled": sum(count - 1 for count in keys.values() if count > 1),
        "ownerless_restarts": sum(int(job.get("deaths") or 0) for job in seen.jobs.values()),
    }


def _calls(seen: Observed) -> Json:
    """Count answers paid for: the ones beyond the first are what deaths and refusals cost."""
    delivered = [j for j, job in seen.jobs.items() if job["state"] == "delivered"]
    calls = [seen.outside.calls.get(job_id, []) for job_id in delivered]
    answered = [sum(call.answered for call in made) for made in calls]
    return {
        "all": sum(map(len, calls)),
        "answered": sum(answered),
        "beyond_the_first": sum(max(0, count - 1) for count in answered),
        "for_delivered": len(delivered),
    }


def _steps(left: Sequence[Left]) -> Json:
    hit = Counter(one.step for one in left)
    return {step.value: hit[step] for step in Step}


def _kill(death: Death, left: Sequence[Left]) -> Json:
    """Tell what one kill aimed at, and where the jobs stood that it found."""
    found = Counter(one.step.value for one in left if one.death == death)
    aimed = death.aimed.value if death.aimed else None
    return {"blow": death.blow, "owner": death.owner, "aimed": aimed, "found": dict(found)}


def _recovery(left: Sequence[Left], windows: Sequence[Window]) -> Json:
    """Tell apart what the workers take from what they take while MongoDB is away too."""
    away = [w for w in windows if w.target == _WITHOUT_LEDGER]
    taken = [(one.took, one) for one in left if one.took is not None]
    clear = [(took, one) for took, one in taken if not _is_near(one.death, took, away)]
    return {
        "with_mongodb": spread(took for took, _ in clear),
        "within_promise": sum(took <= PROMISED_S for took, _ in clear),
        "by_step": {step.value: spread(t for t, one in clear if one.step is step) for step in Step},
        "all": spread(took for took, _ in taken),
        "nobody_had_to_go_on": len(left) - len(taken),
        "slowest": [
            _slow(one) for one in sorted(left, key=lambda one: -(one.took or 0))[:_SLOWEST]
        ],
    }


def _slow(one: Left) -> Json:
    return {"job": one.job_id, "blow": one.death.blow, "step": one.step.value, "took": one.took}


def _is_near(death: Death, took: float, windows: Sequence[Window]) -> bool:
    """Say whether an outage, or its aftermath, met the time in which a new owner was due."""
    due = death.at + min(took, PROMISED_S)
    return any(w.touches(death.at, due, aftermath=SETTLING_S) for w in windows)


def _after_outages(seen: Observed, windows: Sequence[Window]) -> Json:
    claims: dict[str, list[float]] = {}
    deliveries: dict[str, list[float]] = {}
    for window in ended_clear(windows):
        claim, delivery = first_after(seen.job_histories.values(), window.ends)
        claims.setdefault(window.fault, []).extend([] if claim is None else [claim])
        deliveries.setdefault(window.fault, []).extend([] if delivery is None else [delivery])
    return {
        fault: {"first_claim": spread(claims[fault]), "first_delivery": spread(deliveries[fault])}
        for fault in claims
    }


def _webhooks(seen: Observed) -> Json:
    letters = [letter for sale in seen.sales for letter in sale.letters]
    tries = [t for letter in letters for t in letter.tries]
    return {"events": len(letters), **_tries(tries)}


def _tries(tries: Sequence[Any]) -> Json:
    return {"answers": statuses(tries), "latency": spread(t.took for t in tries)}


def show(console: Console, told: Mapping[str, Any]) -> None:
    """Print the tables a person reads."""
    facts = Table("what", "figure", title=f"chaos, seed {told['seed']}", title_justify="left")
    jobs, calls = told["jobs"], told["model_calls"]
    for name, value in {
        "seconds": f"{told['seconds']:.0f}",
        "jobs owed / found": f"{jobs['owed']} / {jobs['found']}",
        "by state": _pairs(jobs["by_state"]),
        "lost": jobs["lost"],
        "results doubled": jobs["results_doubled"],
        "mails / doubled": f"{jobs['mails']} / {jobs['mails_doubled']}",
        "answers paid beyond the first": f"{calls['beyond_the_first']} of {calls['answered']}",
        "webhooks": f"{told['webhooks']['events']} events, {_pairs(told['webhooks']['answers'])}",
        "webhooks without Redis": _pairs(told["webhooks_without_redis"]["answers"]),
        "  latency, s": _figures(told["webhooks_without_redis"]["latency"]),
        "kill -9 to new owner, s": _figures(told["recovery"]["with_mongodb"]),
        "  with MongoDB outages, s": _figures(told["recovery"]["all"]),
        f"  within {PROMISED_S:.0f} s": told["recovery"]["within_promise"],
        "  longest by step, s": ", ".join(
            f"{step} {found['max']:.1f}"
            for step, found in told["recovery"]["by_step"].items()
            if found["count"]
        ),
        "  slowest": "\n".join(
            f"{one['took'] or 0:.1f} s at '{one['step']}' (blow {one['blow']})"
            for one in told["recovery"]["slowest"]
        ),
        "steps hit": _pairs(told["steps_hit"]),
        "exits of deployed workers": _pairs(told["deploy_exits"]),
        "ended by themselves": ", ".join(told["unplanned_exits"]) or "none",
        "promises broken": len(told["breaches"]),
    }.items():
        facts.add_row(name, str(value))
    console.print(facts)
    console.print(_fault_table(told))
    for breach in told["breaches"][:_SHOWN]:
        console.print(f"BROKEN {breach['promise']}: {breach['subject']}: {breach['detail']}",
                      style="red", markup=False)  # fmt: skip


def _fault_table(told: Mapping[str, Any]) -> Table:
    table = Table("fault", "times", "end to first claim, s", "to first delivery, s")
    for fault, times in sorted(told["faults"].items()):
        after = told["after_outages"].get(fault, {})
        claim, delivery = (_figures(after.get(k, {})) for k in ("first_claim", "first_delivery"))
        table.add_row(fault, str(times), claim, delivery)
    return table


def _pairs(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "-"


def _figures(found: Mapping[str, float]) -> str:
    if not found.get("count"):
        return "-"
    return "  ".join(f"{name} {found[name]:.2f}" for name in ("p50", "p99", "mean", "max")) + (
        f"  (n {found['count']:.0f})"
    )
