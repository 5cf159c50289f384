"""What the streams and files of runs refuse beside the kinds of `core.errors`."""

from core.errors import Conflict


class StreamFull(Conflict):
    """The run has streamed as many lines as a stream may have."""


class HistoryFull(StreamFull):
    """The run has logged as many rows as a history may have."""
