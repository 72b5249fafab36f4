"""The whole system on this machine: servers, sandbox and the Procfile's processes."""

import contextlib
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

import httpx

from sandbox.processes import free_port, kill, spawn, stop
from sandbox.servers import EmbeddedMongo, EmbeddedServer, EmbeddedValkey

ROOT: Final = Path(__file__).resolve().parent.parent
DATABASE: Final = "pferdewert"
WEBHOOK_SECRET: Final = "whsec_sandbox"  # noqa: S105 - signs rehearsal events only
READY_TIMEOUT_S: Final = 60.0
STOP_GRACE_S: Final = 30.0
RESTART_PAUSE_S: Final = 1.0


class StackError(RuntimeError):
    """Something did not come up; the message says what, with its last words."""


@dataclass
class Member:
    """One process of the system and the command that starts it again."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def is_dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None


@dataclass
class Stack:
    """Starts everything in order, restarts what dies, stops everything in reverse order.

    `settings` are added to the processes' environment; what the caller's own environment says
    (MONGODB_URI, REDIS_URL, provider addresses) replaces the embedded parts. `copies` are how many
    of the Procfile's other processes to run, by name; one where it says nothing.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    copies: Mapping[str, int] = field(default_factory=dict)
    live: bool = False
    output: IO[bytes] | int | None = None
    announce: Callable[[str], None] = lambda _line: None
    servers: list[EmbeddedServer] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pferdewert-")
        self._log = (Path(self._folder.name) / "processes.log").open("ab")

    def start(self) -> None:
        """Bring everything up and return when all of it serves. Raises StackError."""
        self.env = self._environment()
        self._start_sandbox()
        for name, command in procfile():
            copies = self.workers if name == "worker" else self.copies.get(name, 1)
            for number in range(copies):
                label = f"{name}-{number + 1}" if copies > 1 else name
                self._launch(Member(label, command, self.env))
        self._wait_until_serving()

    def stop(self) -> None:
        """Stop the processes, then the sandbox, then the servers; remove their data."""
        for member in self.members.values():
            if member.process is not None and member.process.poll() is None:
                member.process.terminate()
        for member in reversed(list(self.members.values())):
            if member.process is not None:
                stop(member.process, grace_s=STOP_GRACE_S)
        for server in self.servers:
            server.close()
        self._log.close()
        self._folder.cleanup()

    @contextlib.contextmanager
    def running(self) -> Iterator["Stack"]:
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def restart_the_dead(self) -> None:
        for member in self.members.values():
            if member.is_dead():
                code = member.process.returncode if member.process else None
                self.announce(f"{member.name} ended with {code}; starting it again")
                time.sleep(RESTART_PAUSE_S)
                self.start_again(member.name)

    def start_again(self, name: str) -> None:
        """Start a member that has ended; from the main thread, whose end is the member's end."""
        self._launch(self.members[name])

    def kill(self, name: str) -> None:
        """End one process as a power cut would."""
        process = self.members[name].process
        if process is not None:
            kill(process)

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.env['PORT']}"

    @property
    def flower_url(self) -> str:
        return f"http://127.0.0.1:{self.env['FLOWER_PORT']}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.env['SANDBOX_PORT']}"

    @property
    def log_path(self) -> Path:
        """Where the processes' output goes, unless `output` says otherwise."""
        return Path(self._log.name)

    @property
    def mongodb_uri(self) -> str:
        return self.env["MONGODB_URI"]

    @property
    def database(self) -> str:
        return self.env["MONGODB_DB"]

    def _environment(self) -> dict[str, str]:
        """Merge defaults for a rehearsal, the caller's environment and the given settings."""
        given = {**os.environ, **self.settings}
        sandbox = f"http://127.0.0.1:{(port := given.get('SANDBOX_PORT') or str(free_port()))}"
        defaults = {
            "SANDBOX_PORT": port,
            "PORT": str(free_port()),
            "HOST": "127.0.0.1",
            "FLOWER_PORT": str(free_port()),
            "FLOWER_BASIC_AUTH": f"pferdewert:{secrets.token_urlsafe(9)}",
            "ADMIN_TOKEN": secrets.token_urlsafe(18),
            "OPENROUTER_BASE_URL": f"{sandbox}/api/v1",
            "OPENROUTER_API_KEY": "sk-or-v1-sandbox",
            "ANTHROPIC_BASE_URL": sandbox,
            "ANTHROPIC_API_KEY": "sk-ant-sandbox",
            "OPENAI_BASE_URL": f"{sandbox}/v1",
            "OPENAI_API_KEY": "sk-sandbox",
            "STRIPE_API_BASE": sandbox,
            "STRIPE_API_KEY": "rk_test_sandbox",
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_LIVEMODE": "false",
            "VALUATION_PRICES": "1490 EUR, 1990 CHF",
            "CERTIFICATE_PRICES": "4990 EUR",
            "MAIL_PROVIDER": "resend",
            "MAIL_FROM": "PferdeWert <info@example.org>",
            "ADMIN_EMAILS": "shop@example.org",
            "RESEND_BASE_URL": sandbox,
            "RESEND_API_KEY": "re_sandbox",
        }
        if self.live:
            defaults["OPENROUTER_BASE_URL"] = "https://openrouter.ai/api/v1"
        return {**defaults, **given, **self._server_addresses(given)}

    def _server_addresses(self, given: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {"MONGODB_DB": given.get("MONGODB_DB") or DATABASE}
        if uri := given.get("MONGODB_URI"):
            found["MONGODB_DB"] = (
                given.get("MONGODB_DB") or urlsplit(uri).path.strip("/") or DATABASE
            )
        else:
            self.announce("starting MongoDB (single-node replica set)")
            found["MONGODB_URI"] = self._serve(EmbeddedMongo())
        if not given.get("REDIS_URL"):
            self.announce("starting Valkey")
            found["REDIS_URL"] = self._serve(EmbeddedValkey())
        return found

    def _serve(self, server: EmbeddedServer) -> str:
        self.servers.append(server)
        return server.start().url

    def _start_sandbox(self) -> None:
        self.announce("starting the sandbox (OpenRouter, Anthropic, OpenAI, Stripe, mail)")
        command = ["python", "-m", "sandbox", "--port", self.env["SANDBOX_PORT"]]
        self._launch(Member("sandbox", command, self.env))
        self._wait_for("sandbox", lambda: _answers(f"{self.sandbox_url}/control/health"))

    def _launch(self, member: Member) -> None:
        python_first = [sys.executable if part == "python" else part for part in member.command]
        output = self._log if self.output is None else self.output
        member.process = spawn(python_first, env=member.env, cwd=ROOT, output=output)
        member.starts += 1
        self.members[member.name] = member

    def _wait_until_serving(self) -> None:
        self.announce("starting web, worker, beat and Flower")
        self._wait_for("web", lambda: _answers(f"{self.web_url}/health"))
        self._wait_for("worker", self._workers_are_present)
        if "flower" in self.members:
            self._wait_for("flower", lambda: _answers(f"{self.flower_url}/healthcheck"))

    def _workers_are_present(self) -> bool:
        import pymongo  # noqa: PLC0415 - only the waiting needs it

        client: pymongo.MongoClient[dict[str, object]]
        with pymongo.MongoClient(self.mongodb_uri, serverSelectionTimeoutMS=2000) as client:
            return client[self.database]["workers"].count_documents({}) >= self.workers

    def _wait_for(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not ready():
            dead = [member.name for member in self.members.values() if member.is_dead()]
            if dead or time.monotonic() > deadline:
                who = ", ".join(dead) or name
                raise StackError(f"{who} did not come up.\n{self.last_words()}")
            time.sleep(0.1)

    def last_words(self, size: int = 6000) -> str:
        """Return the end of what the processes printed, when it went to a file."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")[-size:]


def procfile() -> list[tuple[str, list[str]]]:
    """Read the Procfile, so that the rehearsal runs the very commands of the real thing."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    pairs = [line.split(":", 1) for line in lines if line.strip() and not line.startswith("#")]
    return [(name.strip(), shlex.split(command)) for name, command in pairs]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code < httpx.codes.INTERNAL_SERVER_ERROR
    except httpx.HTTPError:
        return False
