"""The kinds of events that runs make, and the sentence that inbox, e-mails and API show for each."""

from urllib.parse import urlsplit

from events.kinds import EventKind
from events.models import Event

_BY_LEVEL = {"WARN": "Warning from run", "ERROR": "Error from run"}


def _alert_message(event: Event) -> str:
    """`Warning from run brisk-otter-12 of acme/demo: loss is NaN`."""
    run = event.data.get("run") or {}
    label = _BY_LEVEL.get(event.data.get("level", ""), "Alert from run")
    return f"{label} {run.get('name', '')} of {run.get('project', '')}: {event.data.get('title', '')}"


def _url(event: Event) -> str:
    return urlsplit((event.data.get("run") or {}).get("url", "/")).path


RUN_ALERT = EventKind("run.alert", "Run alert", _alert_message, _url)
KINDS = (RUN_ALERT,)
