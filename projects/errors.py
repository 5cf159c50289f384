"""What projects and runs refuse beside the kinds of `core.errors`."""

from core.errors import Conflict


class RunEnded(Conflict):
    """The run has finished; `state` says how."""
