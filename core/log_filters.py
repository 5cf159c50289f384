"""What every line of the log says besides its message."""

import logging

from core import request_id


class RequestIdFilter(logging.Filter):
    """Puts the id of the request into the record, or of the one that asked for the task: `-` where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(getattr(record, "request", None), "id", None) or request_id.current.get()
        return True


class NoTracebackFilter(logging.Filter):
    """Drops the traceback of what a client did wrong: it tells of our code alone, and fills the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True
