"""Settings of logs: a line for each event, as text or as JSON, with the id of its request."""

from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS


def of(format: str, level: str) -> dict[str, Any]:
    """`LOGGING` for one of the formats `plain` and `json`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": "core.log_filters.RequestIdFilter"},
            "client_mistakes": {"()": "core.log_filters.ClientMistakeFilter"},
        },
        "formatters": {
            "plain": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"},
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "{levelname}{name}{message}{request_id}",
                "style": "{",
                "timestamp": "time",
                "rename_fields": {"levelname": "level", "name": "logger", "exc_info": "traceback"},
                # Django hands along the request itself, and workers what a task was called with.
                "reserved_attrs": [*RESERVED_ATTRS, "request", "data", "context"],
            },
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": format,
                "filters": ["client_mistakes", "request_id"],
            },
        },
        "root": {"handlers": ["console"], "level": level},
        # Rejected requests are not logged; requests that fail are.
        "loggers": {"django.request": {"level": "ERROR"}},
    }
