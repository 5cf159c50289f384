"""What projects and runs refuse beside the kinds of `core.errors`."""

from core.errors import Conflict


class RunEnded(Conflict):
    """The run has finished; `state` says how."""


class HistoryFull(Conflict):
    """The run has logged as many rows as a history may have."""
