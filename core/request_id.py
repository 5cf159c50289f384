"""The id that a request bears in logs, in refusals and in `X-Request-ID`, and that the tasks it asks for bear too."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from uuid_utils.compat import uuid7

# Of the request or task that this thread is about.
current: ContextVar[str] = ContextVar("request_id", default="-")
_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(meta: Mapping[str, Any]) -> str:
    """The one that the caller gave, or a new one. `meta` is the WSGI environment."""
    given = meta.get("HTTP_X_REQUEST_ID", "")
    return given if _FORM.fullmatch(given) else str(uuid7())
