"""Which of the driver's errors pass by themselves."""

from typing import Final

from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

_PASSING_LABELS: Final = (
    "RetryableWriteError",
    "TransientTransactionError",
    "UnknownTransactionCommitResult",
)

# Source: MongoDB manual, "Error Codes"; elections, shutdowns, time limits, write conflicts.
_PASSING_CODES: Final = frozenset(
    {
        6,
        7,
        24,
        50,
        64,
        89,
        91,
        112,
        133,
        134,
        189,
        251,
        262,
        9001,
        10107,
        11600,
        11602,
        13435,
        13436,
    }
)


def is_passing(error: PyMongoError) -> bool:
    """Say whether trying the same again later is right; faults in our request are not passing."""
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WriteConcernError) or error.timeout:
        return True
    if any(error.has_error_label(label) for label in _PASSING_LABELS):
        return True
    return isinstance(error, OperationFailure) and error.code in _PASSING_CODES


def is_worth_repeating(error: PyMongoError) -> bool:
    """Say whether a transaction should run again from its start, as the server's labels ask."""
    return not error.timeout and any(
        error.has_error_label(label)
        for label in ("TransientTransactionError", "UnknownTransactionCommitResult")
    )
