"""Words of a newer build: read, kept, and left to it."""

from enum import StrEnum


class OpenStrEnum(StrEnum):
    """An enumeration that may grow: a word it lacks becomes a member that is not `is_known`.

    During a deploy an older process reads what a newer one wrote; written back, the word is the
    same. Only for words on which nothing is done that such a member would get wrong.
    """

    @classmethod
    def _missing_(cls, value: object) -> "OpenStrEnum | None":
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        return self in tuple(type(self))
