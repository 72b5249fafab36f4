"""A later build of the workers: this source with a few lines more, as the next version may have.

An earlier commit would not do: before this one, no build was tolerant. So the elder beside the
later build is the present one, and what the later one writes is more than the present one knows.
"""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sandbox.stack import ROOT, Member
from tests.acceptance.conftest import World

_PACKAGES: Final = (
    "config", "domain", "doorbell", "ledger", "llm", "mail", "payments", "worker",
)  # fmt: skip

_NEWS: Final[dict[str, list[tuple[str, str]]]] = {
    "domain/job.py": [
        ('    WAITING = "waiting"\n', '    REVIEWING = "reviewing"\n'),
        ('    FINALIZING = "finalizing"\n', '    POLISHING = "polishing"\n'),
        ('    ERASED = "erased"\n', '    MODELS_RESTING = "models_resting"\n'),
        ('    ADMIN = "admin"\n', '    THANKS = "thanks"\n'),
        ("    told_at: datetime | None = None\n", "    quality: float | None = None\n"),
    ],
    "ledger/jobs.py": [
        ('            "deaths": {"$add": [_number("$deaths"), deaths]},\n', '"quality": 0.9,\n'),
    ],
    "doorbell/ringer.py": [
        ("                args=(job_id,),\n", 'kwargs={"urgent": True},\n'),
    ],
}
"""What follows a line in the later build."""

_CHANGES: Final[dict[str, list[tuple[str, str]]]] = {
    "domain/duties.py": [
        ("(MailTo.CUSTOMER, MailTo.ADMIN)", "(MailTo.CUSTOMER, MailTo.ADMIN, MailTo.THANKS)"),
    ],
    "worker/mails.py": [
        (
            "_MAX_ERROR: Final = 200\n",
            "_MAX_ERROR: Final = 200\n_THANKS = {MailTo.THANKS: timedelta(hours=1)}\n",
        ),
        ("MailTo.ADMIN: bool(self.admins)}", "MailTo.ADMIN: bool(self.admins), MailTo.THANKS: 1}"),
        ("{MailTo.CUSTOMER, MailTo.DELAY}", "{MailTo.CUSTOMER, MailTo.DELAY, MailTo.THANKS}"),
        (
            "asked else MailState.OFF)",
            "asked else MailState.OFF, not_before=_THANKS.get(to, timedelta()) + self.clock.now())",
        ),
    ],
    "worker/decisions.py": [
        ("Reason(code=ReasonCode.CHAIN_EXHAUSTED", "Reason(code=ReasonCode.MODELS_RESTING"),
    ],
    "ledger/jobs.py": [
        ("_unless_running(State.WAITING)", "_unless_running(State.REVIEWING)"),
        (
            "[State.QUEUED.value, State.WAITING.value]",
            "[State.QUEUED.value, State.WAITING.value, State.REVIEWING.value]",
        ),
        ("Stage.ANALYZING.value, Stage.PREPARING", "Stage.POLISHING.value, Stage.PREPARING"),
    ],
}


def later_build(folder: Path) -> list[str]:
    """Write the later build's source into a folder; return the command of its worker.

    Its jobs have a field more, a stage, a state in the place of `waiting`, a reason, a mail an
    hour after the delivery; its rings say more.
    """
    for package in _PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for path, additions in _NEWS.items():
        _edit(folder / path, [(line, line + more) for line, more in additions])
    for path, changes in _CHANGES.items():
        _edit(folder / path, changes)
    return ["sh", "-c", 'cd "$0" && exec "$@"', str(folder), "python", "-m", "worker"]


def _edit(path: Path, changes: list[tuple[str, str]]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"{path} no longer says once: {old!r}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


@dataclass
class Rollout:
    """Replaces the stack's workers by either build, and keeps the orders paid meanwhile."""

    world: World
    later: list[str]
    workers: Mapping[str, Member]
    kinds: dict[str, str] = field(default_factory=dict)

    async def upgrade(self, name: str) -> None:
        """Replace a worker by the later build, which looks again at what it reviews after 5 s."""
        env = {**self.workers[name].env, "WAIT_SCHEDULE_SECONDS": "5"}
        await self._deploy(replace(self.workers[name], command=self.later, env=env))

    async def roll_back(self, name: str) -> None:
        """Replace a worker by the present build."""
        await self._deploy(self.workers[name])

    async def pay(self, *kinds: str) -> str:
        """Pay an order of each kind; return the session of the last."""
        session_id = ""
        for kind in kinds:
            session_id = await self.world.paid(kind)
            self.kinds[session_id] = kind
        return session_id

    async def told(self) -> None:
        """Wait until every order is delivered and the mails of the present build are sent."""
        await self.world.until("delivered and told", self._are_told)

    async def reviewed(self, session_id: str) -> None:
        """Wait until the later build holds a job in the state that only it knows."""

        async def holds() -> bool:
            return await self.state_of(session_id) == "reviewing"

        await self.world.until("held for review", holds)

    async def state_of(self, session_id: str) -> str:
        return str((await self.world.shop.job(self.kinds[session_id], session_id))["state"])

    async def an_hour_passes(self) -> None:
        """Make the later build's thanks due, as they are an hour after a delivery."""
        now = _now()
        due = {"$set": {"not_before": now, "mails.thanks.not_before": now}}
        await self.world.database["jobs"].update_many(_OWED_THANKS, due)

    async def left_alone(self) -> None:
        """Wait until a worker of the present build came by and left the thanks for later."""

        async def rest() -> bool:
            jobs, now = await self.world.database["jobs"].find(_OWED_THANKS).to_list(None), _now()
            return bool(jobs) and all((job["not_before"] or now) > now for job in jobs)

        await self.world.until("the thanks are left to the later build", rest)

    async def ended(self) -> dict[str, dict[str, Any]]:
        """Return every job by its session, once no mail of either build is owed."""
        return {s: await self.world.ended(s, kind) for s, kind in self.kinds.items()}

    async def _deploy(self, build: Member) -> None:
        member = self.world.stack.members[build.name]
        member.command, member.env = build.command, build.env
        await self.world.until("all workers beat", self._all_beat)
        assert await replaced(self.world, build.name) == 0
        await self.world.until("all workers beat", self._all_beat)

    async def _all_beat(self) -> bool:
        lately = {"seen_at": {"$gt": _now() - timedelta(seconds=2)}}
        beating: int = await self.world.database["workers"].count_documents(lately)
        return beating == len(self.workers)

    async def _are_told(self) -> bool:
        jobs = [await self.world.shop.job(kind, s) for s, kind in self.kinds.items()]
        return all(
            job["state"] == "delivered"
            and {job["mails"][to]["state"] for to in ("customer", "admin")} == {"sent"}
            for job in jobs
        )


_OWED_THANKS: Final = {"owner": None, "state": "delivered", "mails.thanks.state": "pending"}


def _now() -> datetime:
    return datetime.now(UTC)


async def replaced(world: World, name: str) -> int:
    """End one process as a supervisor does and start its successor; return the exit code."""
    member: Member = world.stack.members[name]
    process = member.process
    assert process is not None
    process.terminate()
    code = await asyncio.to_thread(process.wait, 30)
    world.stack.restart_the_dead()
    return code
