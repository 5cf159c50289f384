"""Keys and passwords as values."""

from __future__ import annotations


class Secret(str):
    """A text that is sent and never shown: its `repr`, and so a traceback with local variables, hides it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"
