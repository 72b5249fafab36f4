"""Telling what passes by itself from what is our own fault."""

import pytest
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from ledger.failures import is_passing, is_worth_repeating


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect(),
        NetworkTimeout(),
        NotPrimaryError(),
        ServerSelectionTimeoutError(),
        ExecutionTimeout("too slow", 50),
        WriteConcernError("no majority", 64),
        WTimeoutError("no majority in time", 64),
        OperationFailure("shutting down", 91),
        OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]}),
        OperationFailure("unknown", 1, {"errorLabels": ["UnknownTransactionCommitResult"]}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_outages_pass(error: PyMongoError) -> None:
    """Elections, shutdowns, networks and limits: trying again later is right."""
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("bad query", 2),
        OperationFailure("authentication failed", 18),
        DuplicateKeyError("taken", 11000),
        PyMongoError("anything else"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_faults_do_not_pass(error: PyMongoError) -> None:
    """Trying the same again would fail the same."""
    assert not is_passing(error)


@pytest.mark.parametrize(
    ("error", "is_worth_it"),
    [
        (OperationFailure("c", 112, {"errorLabels": ["TransientTransactionError"]}), True),
        (OperationFailure("u", 64, {"errorLabels": ["UnknownTransactionCommitResult"]}), True),
        (OperationFailure("slow", 50, {"errorLabels": ["UnknownTransactionCommitResult"]}), False),
        (DuplicateKeyError("taken", 11000), False),
        (NetworkTimeout(), False),
    ],
)
def test_transactions_repeat_on_the_servers_word(
    error: PyMongoError,
    is_worth_it: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Conflicts and lost commit answers repeat; an expired limit does not."""
    assert is_worth_repeating(error) is is_worth_it
