"""What every line of the log says besides its message."""

import logging
import time
from collections.abc import Callable

from core import request_id


class RequestIdFilter(logging.Filter):
    """Puts the id of the request into the record, or of the one that asked for the task: `-` where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(getattr(record, "request", None), "id", None) or request_id.current.get()
        return True


class ClientMistakeFilter(logging.Filter):
    """Lets a few lines a minute through of what clients did wrong, as Django's loggers below `django.security` tell it.

    Anybody can cause as many as they like: a wrong `Host`, a form from another site, a thousand fields. A traceback
    would tell of our code alone.
    """

    def __init__(self, lines: int = 10, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.lines, self.seconds, self.clock = lines, seconds, clock
        self._period_ends = float("-inf")
        self._passed = self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("django.security"):
            return True
        record.exc_info = record.exc_text = None
        now = self.clock()
        if now >= self._period_ends:
            if self._left_out:
                record.msg = f"{record.getMessage()} ({self._left_out} such lines were left out before)"
                record.args = ()
            self._period_ends, self._passed, self._left_out = now + self.seconds, 0, 0
        if self._passed >= self.lines:
            self._left_out += 1
            return False
        self._passed += 1
        return True
