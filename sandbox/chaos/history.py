"""What happened to each job and order, folded from MongoDB's change stream. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

Json = Mapping[str, Any]

FINAL: Final = frozenset({"delivered", "parked", "cancelled"})
RESULT_FIELDS: Final = ("bewertung", "zertifikat_data")


class Moment(NamedTuple):
    """A job after one write. `at` is the server's wall clock, unix seconds."""

    at: float
    owner: str | None
    state: str
    stage: str | None
    fence: int
    answered: bool
    customer: str | None
    admin: str | None

    @property
    def owes_mails(self) -> bool:
        return "pending" in (self.customer, self.admin)


@dataclass(slots=True)
class JobHistory:
    """All writes to one job, oldest first, and the fields they have come to."""

    job_id: str
    moments: list[Moment] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    removed: bool = False

    @property
    def now(self) -> Moment:
        return self.moments[-1]

    @property
    def is_settled(self) -> bool:
        return self.now.state in FINAL and not (
            self.now.state == "delivered" and self.now.owes_mails
        )

    @property
    def journaled_at(self) -> float | None:
        """Return when an answer was first in the job for good."""
        return next((moment.at for moment in self.moments if moment.answered), None)

    def take(self, change: Json, at: float) -> None:
        """Fold one change of the stream in."""
        whole = change.get("fullDocument")
        if change["operationType"] in {"insert", "replace"} and whole is not None:
            self.fields = dict(whole)
        elif change["operationType"] == "delete":
            self.removed = True
        else:
            update = change.get("updateDescription") or {}
            for path, value in (update.get("updatedFields") or {}).items():
                put(self.fields, path, value)
            for path in update.get("removedFields") or ():
                put(self.fields, path, None)
        self.moments.append(_moment(self.fields, at))


def _moment(fields: Json, at: float) -> Moment:
    mails = fields.get("mails") or {}
    return Moment(
        at=at,
        owner=fields.get("owner"),
        state=str(fields.get("state")),
        stage=fields.get("stage"),
        fence=int(fields.get("fence") or 0),
        answered=bool(fields.get("answer")),
        customer=(mails.get("customer") or {}).get("state"),
        admin=(mails.get("admin") or {}).get("state"),
    )


def put(fields: dict[str, Any], path: str, value: object) -> None:
    """Set a dotted path, as `updatedFields` names it."""
    *parents, last = path.split(".")
    here = fields
    for name in parents:
        below = here.get(name)
        if not isinstance(below, dict):
            below = {}
            here[name] = below
        here = below
    here[last] = value


@dataclass(slots=True)
class OrderHistory:
    """How often an order was written after its insertion, and how often its result was."""

    order_id: str
    updates: int = 0
    results: int = 0
    removed: bool = False

    def take(self, change: Json) -> None:
        if change["operationType"] == "delete":
            self.removed = True
        elif change["operationType"] != "insert":
            self.updates += 1
            written = (change.get("updateDescription") or {}).get("updatedFields") or {}
            tops = {path.partition(".")[0] for path in written}
            self.results += bool(tops & set(RESULT_FIELDS))


class Tenure(NamedTuple):
    """The time one owner had one job: its moments, and the first one that was not its own."""

    job_id: str
    owner: str
    moments: Sequence[Moment]
    then: Moment | None


def tenures(history: JobHistory) -> list[Tenure]:
    """Split a job's history into the times of its owners."""
    found: list[Tenure] = []
    current: list[Moment] = []
    for moment in history.moments:
        if current and (moment.owner, moment.fence) != (current[0].owner, current[0].fence):
            found.append(Tenure(history.job_id, str(current[0].owner), current, moment))
            current = []
        if moment.owner is not None:
            current.append(moment)
    if current:
        found.append(Tenure(history.job_id, str(current[0].owner), current, None))
    return found
