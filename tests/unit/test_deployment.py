"""The files that supervisors read say the same as the code."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return loaded


def procfile() -> dict[str, list[str]]:
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    pairs = (line.split(":", 1) for line in lines if line.strip())
    return {name: shlex.split(command) for name, command in pairs}


def test_the_four_processes_stand_in_the_procfile() -> None:
    """Supervisors of the shop's own rely on these names."""
    assert list(procfile()) == ["web", "worker", "beat", "flower"]


def test_compose_runs_the_procfiles_commands(compose: dict[str, Any]) -> None:
    """One truth about how a process is started."""
    assert {name: compose["services"][name]["command"] for name in procfile()} == procfile()


def test_compose_waits_longer_than_a_drain(compose: dict[str, Any]) -> None:
    """A worker hands its jobs back after the grace time and needs a moment for it."""
    grace_s = int(compose["services"]["worker"]["stop_grace_period"].removesuffix("s"))

    assert grace_s > Settings.model_fields["worker_grace_seconds"].default + 10


def test_compose_keeps_the_doorbell_and_the_ledger(compose: dict[str, Any]) -> None:
    """MongoDB is a replica set, Valkey appends and never evicts, everything restarts."""
    services = compose["services"]
    assert "--replSet" in services["mongo"]["command"]
    assert "noeviction" in services["valkey"]["command"]
    assert "--appendonly" in services["valkey"]["command"]
    assert {service["restart"] for service in services.values()} == {"unless-stopped"}


def test_the_image_carries_every_package_the_processes_need() -> None:
    """A package missing from the image shows only when the container starts."""
    copied = {
        line.split()[1]
        for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
        if line.startswith("COPY ") and len(line.split()) == len(["COPY", "from", "to"])
    }
    packages = {folder.parent.name for folder in ROOT.glob("*/__init__.py")}

    assert packages - copied == {"sandbox", "tests"}
