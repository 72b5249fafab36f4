"""Naming the database and refusing bad URIs, without a server."""

import pytest
from pydantic import SecretStr

from ledger.connection import LedgerMisconfigured, connect, database_name

HOSTS = "mongodb://user:p%2Fw@a.example:27017,b.example:27017"


@pytest.mark.parametrize(
    ("uri", "override", "name"),
    [
        (f"{HOSTS}/test?replicaSet=rs0", None, "test"),
        (f"{HOSTS}/test", "", "test"),
        (f"{HOSTS}/test", "pferdewert", "pferdewert"),
        (f"{HOSTS}/?replicaSet=rs0", "pferdewert", "pferdewert"),
        (HOSTS, " pferdewert ", "pferdewert"),
        (f"{HOSTS}/pferde%5Fwert", None, "pferde_wert"),
        (f"{HOSTS}/test.orders", None, "test"),
        ("mongodb+srv://u:p@cluster.example/test?w=majority", None, "test"),
    ],
)
def test_the_database_is_named_by_override_or_path(
    uri: str, override: str | None, name: str
) -> None:
    """The override wins; otherwise the URI's path decides."""
    assert database_name(uri, override) == name
    assert database_name(SecretStr(uri), override) == name


@pytest.mark.parametrize("uri", [HOSTS, f"{HOSTS}/", f"{HOSTS}/?replicaSet=rs0", ""])
def test_no_name_is_refused(uri: str) -> None:
    """Nobody wants to find the orders in a database chosen by a driver."""
    with pytest.raises(LedgerMisconfigured, match="MONGODB_DB"):
        database_name(uri, None)


@pytest.mark.parametrize(
    "uri",
    [
        "postgres://user:hunter2@host/db",
        "mongodb://user:hunter2:@:@host/db",
        "mongodb://user:hunter2@host:notaport/db",
        "hunter2",
    ],
)
def test_a_bad_uri_is_refused_without_being_quoted(uri: str) -> None:
    """The password appears neither in the message nor in a chained error."""
    with pytest.raises(LedgerMisconfigured) as raised:
        connect(SecretStr(uri), "db", app_name="tests")
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_writes_are_majority_and_journaled_whatever_the_uri_says() -> None:
    """A weaker wish in the URI cannot make deliveries lossy; times come back aware."""
    wishes = "w=1&journal=false&readPreference=secondary&retryWrites=false"
    connection = connect(f"{HOSTS}/test?{wishes}", app_name="tests")
    assert connection.name == "test"
    assert connection.database.write_concern.document == {"w": "majority", "j": True}
    assert connection.database.read_concern.document == {"level": "majority"}
    assert connection.database.read_preference.name == "Primary"
    assert connection.database.codec_options.tz_aware
    assert connection.client.delegate.options.retry_writes
    connection.close()
