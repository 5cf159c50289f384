"""What projects and runs refuse beside the kinds of `accounts.errors`."""

from core.errors import Conflict


class RunEnded(Conflict):
    """The run has said that it ended; `state` says how."""
