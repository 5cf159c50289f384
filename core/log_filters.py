"""What every line of the log says besides its message."""

import logging


class RequestIdFilter(logging.Filter):
    """Puts the id of the request, where Django tells of one, into the record: `-` where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(getattr(record, "request", None), "id", "-")
        return True


class OneLineFilter(logging.Filter):
    """Leaves the traceback out, where the message says it all and anybody can cause it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True
