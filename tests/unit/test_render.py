"""The Render Blueprint starts the same processes, with an environment that adds up.

Field names and limits are those of https://render.com/docs/blueprint-spec.
"""

import shlex
from collections.abc import Iterator
from typing import Any, Final

import pytest

from config.settings import Settings
from producer.visitors import visitor
from tests.unit.deployment_files import DRAIN_S, SECRETS, VARIABLES, Json, procfile, read_yaml

SOURCES: Final = {"value", "sync", "generateValue", "fromService"}
STAND_INS: Final = {"MONGODB_URI": "mongodb://host/test", "FLOWER_BASIC_AUTH": "user:password"}
KINDS: Final = {"web": "web", "worker": "worker", "beat": "worker", "flower": "pserv"}


@pytest.fixture(scope="module")
def blueprint() -> Json:
    return read_yaml("render.yaml")


@pytest.fixture(scope="module")
def services(blueprint: Json) -> dict[str, Json]:
    found = {s["name"].removeprefix("pferdewert-"): s for s in blueprint["services"]}
    assert len(found) == len(blueprint["services"])
    return found


@pytest.fixture(scope="module")
def group(blueprint: Json) -> Json:
    [only] = blueprint["envVarGroups"]
    found: Json = only
    return found


def variables(service: Json, group: Json) -> dict[str, Json]:
    """Return how each variable of a service gets its value."""
    own = [entry for entry in service["envVars"] if "key" in entry]
    joined = [entry["fromGroup"] for entry in service["envVars"] if "fromGroup" in entry]
    shared = group["envVars"] if joined == [group["name"]] else []
    assert set(joined) <= {group["name"]}
    return {entry["key"]: entry for entry in (*shared, *own)}


def ours(services: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    return ((name, services[name]) for name in procfile())


def test_the_procfiles_processes_run_in_our_image(services: dict[str, Json]) -> None:
    """One truth about how a process is started."""
    started = {name: shlex.split(service["dockerCommand"]) for name, service in ours(services)}

    assert started == procfile()
    assert set(services) == {*procfile(), "valkey"}
    assert {name: service["type"] for name, service in ours(services)} == KINDS
    assert {service["runtime"] for _, service in ours(services)} == {"docker"}


def test_render_can_tell_and_wait(services: dict[str, Json]) -> None:
    """The web process answers a probe; a stop is longer than a drain and at most 300 s."""
    assert services["web"]["healthCheckPath"] == "/health"
    assert 300 >= services["worker"]["maxShutdownDelaySeconds"] >= DRAIN_S + 5
    assert services["web"]["maxShutdownDelaySeconds"] >= 15
    assert services["beat"]["maxShutdownDelaySeconds"] >= 25


def test_everything_is_in_one_region(services: dict[str, Json]) -> None:
    """Private addresses reach no further."""
    assert {service["region"] for service in services.values()} == {"frankfurt"}


def test_valkey_evicts_nothing_and_is_not_on_the_internet(services: dict[str, Json]) -> None:
    """Render's default throws away the least used keys, queues included."""
    valkey = services["valkey"]

    assert (valkey["type"], valkey["maxmemoryPolicy"]) == ("keyvalue", "noeviction")
    assert valkey["ipAllowList"] == []
    assert valkey["plan"] != "free"


def test_every_variable_is_one_that_we_read(services: dict[str, Json], group: Json) -> None:
    """Each has exactly one source; a misspelt name would be ignored in silence."""
    for _, service in ours(services):
        for name, entry in variables(service, group).items():
            assert name in VARIABLES
            assert len(entry.keys() & SOURCES) == 1


def test_no_secret_stands_in_the_blueprint(services: dict[str, Json], group: Json) -> None:
    """They are asked for, made up, or taken from another service."""
    entries = [entry for _, s in ours(services) for entry in variables(s, group).items()]
    literal = [(name, entry["value"]) for name, entry in entries if "value" in entry]

    assert [pair for pair in literal if pair[0] in SECRETS] == [
        ("MONGODB_URI", "mongodb://none/none")
    ]
    assert {entry["sync"] for _, entry in entries if "sync" in entry} == {False}


def test_the_group_holds_plain_values_only(group: Json) -> None:
    """Render ignores `sync: false` and references in a group."""
    assert [entry for entry in group["envVars"] if entry.keys() != {"key", "value"}] == []
    assert all(isinstance(entry["value"], str) for entry in group["envVars"])


def test_references_lead_somewhere(services: dict[str, Json], group: Json) -> None:
    """A value taken from another service is asked for there."""
    for _, service in ours(services):
        for name, entry in variables(service, group).items():
            if (source := entry.get("fromService")) is None:
                continue
            target = services[source["name"].removeprefix("pferdewert-")]
            assert source["type"] == target["type"]
            if "envVarKey" in source:
                assert source["envVarKey"] == name
                assert variables(target, group)[name]["sync"] is False
            else:
                assert (name, source["property"]) == ("REDIS_URL", "connectionString")


@pytest.mark.parametrize("process", procfile())
def test_every_process_starts_in_production(
    process: str, services: dict[str, Json], group: Json
) -> None:
    """Once the questions are answered nothing is missing, and mails, money and mode are set."""
    given = {
        name.lower(): answer(name, entry)
        for name, entry in variables(services[process], group).items()
    }

    settings = Settings(**given)

    assert settings.is_production
    if process != "flower":
        assert settings.mail_provider == "resend"
        assert [w for w in settings.warnings() if "key" not in w.casefold()] == []


@pytest.mark.parametrize("invented", ["", "198.51.100.9,"])
def test_the_customer_is_told_from_what_the_customer_says(
    invented: str, services: dict[str, Json], group: Json
) -> None:
    """The headers as a service on Render receives them, with and without an invented address."""
    given = {
        name.lower(): answer(name, entry)
        for name, entry in variables(services["web"], group).items()
    }
    settings = Settings(**given)
    customer, edge, proxy = "203.0.113.1", "172.71.95.118", "10.19.64.237"
    headers = {
        "cf-connecting-ip": customer,
        "x-forwarded-for": f"{invented}{customer}, {edge}, {proxy}",
    }

    told = headers[settings.client_address_header.lower()]

    assert visitor(proxy, told, settings.trusted_proxies) == customer


def answer(name: str, entry: Json) -> Any:
    """Stand in for what Render fills in."""
    if "value" in entry:
        return entry["value"]
    if "property" in entry.get("fromService", {}):
        return "redis://red-x:6379"
    return STAND_INS.get(name, "filled-in")
