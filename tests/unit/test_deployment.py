"""Procfile, image and compose file say the same as the code, and nothing Docker would refuse."""

import ast
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import yaml
from check_jsonschema import main as check_jsonschema  # type: ignore[import-untyped]  # it ships none

from tests.unit.deployment_files import (
    DRAIN_S,
    ROOT,
    SECRETS,
    VARIABLES,
    Json,
    procfile,
    read,
    read_yaml,
)

SERVERS: Final = ("mongo", "valkey")


@pytest.fixture(scope="module")
def compose() -> Json:
    return read_yaml("docker-compose.yml")


@pytest.fixture(scope="module")
def services(compose: Json) -> dict[str, Json]:
    found: dict[str, Json] = compose["services"]
    return found


@pytest.fixture(scope="module")
def image() -> list[list[str]]:
    """The Dockerfile's instructions, continued lines joined."""
    lines = read("Dockerfile").replace("\\\n", " ").splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith("#")]


def said(image: list[list[str]], instruction: str) -> list[list[str]]:
    return [words[1:] for words in image if words[0] == instruction]


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def schema_verdict(path: Path) -> object:
    """Check a file against the schema that the package carries; 0 is "valid"."""
    with pytest.raises(SystemExit) as ended:
        check_jsonschema(["--builtin-schema", "vendor.compose-spec", str(path)])
    return ended.value.code


def test_the_four_processes_stand_in_the_procfile() -> None:
    """Supervisors of the shop's own rely on these names."""
    assert list(procfile()) == ["web", "worker", "beat", "flower"]


def test_the_compose_file_is_one() -> None:
    """By the schema of the compose specification, without the network."""
    assert schema_verdict(ROOT / "docker-compose.yml") == 0


def test_the_schema_refuses_what_compose_would(tmp_path: Path, compose: Json) -> None:
    """A misspelt key is what people get wrong."""
    misspelt = {**compose, "services": {"web": {"image": "x", "health_check": {}}}}
    path = tmp_path / "docker-compose.yml"
    path.write_text(yaml.safe_dump(misspelt))

    assert schema_verdict(path) == 1


def test_compose_runs_the_procfiles_commands(services: dict[str, Json]) -> None:
    """One truth about how a process is started; nothing else runs."""
    assert {name: services[name]["command"] for name in procfile()} == procfile()
    assert set(services) == {*procfile(), *SERVERS}


def test_everything_that_is_referred_to_exists(compose: Json, services: dict[str, Json]) -> None:
    """Services that are waited for have a health check to wait for; volumes are declared."""
    for service in services.values():
        for name, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert "test" in services[name]["healthcheck"]
    volumes = [v.split(":")[0] for s in services.values() for v in s.get("volumes", [])]
    assert sorted(volumes) == sorted(compose["volumes"])


def test_a_stop_is_longer_than_a_drain(services: dict[str, Json]) -> None:
    """Who is killed in mid-drain loses what it meant to hand back."""
    for name, at_least_s in {"web": 15, "worker": DRAIN_S + 5, "beat": 25, "flower": 15}.items():
        assert seconds(services[name]["stop_grace_period"]) >= at_least_s, name


def test_compose_keeps_the_doorbell_and_the_ledger(services: dict[str, Json]) -> None:
    """MongoDB is a replica set, Valkey appends and never evicts; both keep their data."""
    assert "--replSet" in services["mongo"]["command"]
    assert "noeviction" in services["valkey"]["command"]
    assert "--appendonly" in services["valkey"]["command"]
    assert all(services[name]["volumes"] for name in SERVERS)


def test_every_service_restarts_and_bounds_its_log(services: dict[str, Json]) -> None:
    """A disk full of logs stops the shop as surely as a crash."""
    for service in services.values():
        assert service["restart"] == "unless-stopped"
        assert {"max-size", "max-file"} <= service["logging"]["options"].keys()


def test_only_the_shops_own_pages_are_published(services: dict[str, Json]) -> None:
    """The servers have no password, and Flower is for who is logged in to the host."""
    published = {name: s["ports"] for name, s in services.items() if "ports" in s}

    assert published == {"web": ["${PORT:-8000}:8000"], "flower": ["127.0.0.1:5555:5555"]}


def test_secrets_come_from_the_environment_alone(services: dict[str, Json]) -> None:
    """What stands in the file are addresses without a password."""
    for name in procfile():
        service = services[name]
        assert service["env_file"] == [{"path": ".env", "required": True}]
        assert set(service["environment"]) <= VARIABLES
        for variable in SECRETS & set(service["environment"]):
            parts = urlsplit(service["environment"][variable])
            assert (parts.scheme in {"mongodb", "redis"}, parts.username) == (True, None)


def test_our_processes_need_no_privileges(services: dict[str, Json]) -> None:
    """The image's own user stays, and can gain nothing."""
    for name in procfile():
        assert "user" not in services[name]
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]


def test_every_process_is_asked_how_it_is(
    services: dict[str, Json], image: list[list[str]]
) -> None:
    """The web process by the image's check, the others by one of their own."""
    checks = {name: services[name]["healthcheck"]["test"] for name in ("worker", "beat", "flower")}
    [on_image] = said(image, "HEALTHCHECK")

    assert "healthcheck" not in services["web"]
    assert checks["worker"] == ["CMD", "python", "-m", "ops.alive", "worker"]
    assert checks["beat"] == ["CMD", "python", "-m", "ops.alive", "beat"]
    assert "/healthcheck" in checks["flower"][-1]
    assert "/health'" in " ".join(on_image)
    for source in (checks["flower"][-1], shlex.split(" ".join(on_image))[-1].rstrip("]")):
        ast.parse(source)


def test_the_image_runs_the_web_process_as_nobody_special(image: list[list[str]]) -> None:
    """By number, so that a supervisor that insists on non-root can see it."""
    [[user]] = said(image, "USER")
    [command] = said(image, "CMD")

    assert int(user) > 0
    assert yaml.safe_load(" ".join(command)) == procfile()["web"]
    assert len(said(image, "FROM")) == 2


def test_the_image_carries_every_package_and_nothing_that_is_not_there(
    image: list[list[str]],
) -> None:
    """A package missing from the image shows only when the container starts."""
    copied = set(copied_sources(image))
    packages = {folder.parent.name for folder in ROOT.glob("*/__init__.py")}

    assert packages - copied == {"bench", "sandbox", "tests"}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert [name for name in copied if name.split("/")[0] in ignored()] == []


def copied_sources(image: list[list[str]]) -> Iterator[str]:
    """Name what is copied from the house into the image."""
    for words in said(image, "COPY"):
        if not words[0].startswith("--from"):
            yield from words[:-1]


def ignored() -> set[str]:
    return set(read(".dockerignore").split())
