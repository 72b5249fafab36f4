"""The emergency switch as a report."""

from pydantic import BaseModel

from ledger.switches import Switch
from ops.reports.models import Probe


class Rollback(BaseModel):
    """`changed` is false when the switch stood like this already; `probes` are the checks made.

    `workers_alive` take over the switch within `effective_within_s` seconds.
    """

    direct_only: Switch
    changed: bool
    probes: list[Probe]
    workers_alive: int
    effective_within_s: float
    message: str


def message_of(switch: Switch, *, changed: bool) -> str:
    if switch.on:
        standing = "orders go to the direct providers only"
    else:
        standing = "orders go through OpenRouter first"
    return f"{'Switched' if changed else 'No change'}: {standing}."
