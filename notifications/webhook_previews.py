"""What a webhook would send: an event as there may be one in a project, which is never written down."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from accounts.actor import Actor
from artifacts import event_messages, event_payloads
from events import kinds
from events.models import Event
from notifications import errors, message_formats
from notifications.message_formats import WebhookFormat
from projects.models import Project
from tracking.event_messages import RUN_ALERT

# The same each time, so that two previews can be compared.
_AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
_ID = UUID("019c1337-aaaa-7000-8000-000000000000")
DEFAULT_KIND = event_messages.ALIAS_MOVED.name
_OF_VERSIONS = {
    event_messages.VERSION_FINALIZED.name: ("", "v3"),
    event_messages.VERSION_DELETED.name: ("v2", ""),
    event_messages.REFERENCES_CHANGED.name: ("", "v3"),
}
_REFERENCE = {"path": "train.parquet", "uri": "s3://datasets/signs/train.parquet", "state": "changed"}
_OF_ALIASES = {event_messages.ALIAS_CREATED.name: ("", "v3"), event_messages.ALIAS_DELETED.name: ("v2", "")}


def example(actor: Actor, project: Project, kind: str = DEFAULT_KIND) -> Event:
    """An event of this kind in the project, by the user. Raises `Invalid` for a kind that cannot be chosen."""
    if kind not in [known.name for known in kinds.subscribable()]:
        raise errors.Invalid("Choose the kind of an event that webhooks can be sent.")
    if kind == RUN_ALERT.name:
        return Event(kind=kind, project=project, data=_alert(actor, project), created_at=_AT)
    before, after = (_OF_VERSIONS | _OF_ALIASES).get(kind, ("v2", "v3"))
    name = f"{project.full_name}/sign-detector"
    url = f"{settings.BASE_URL}{project.get_absolute_url()}/artifacts/model/sign-detector"
    alias = "" if kind in _OF_VERSIONS else "production"
    data: dict[str, Any] = {
        "artifact": {"id": str(_ID), "name": name, "type": "model", "url": url},
        "alias": alias or None,
        "from": _version(before),
        "to": _version(after),
        "by": actor.user.username,
        "reason": "better on the holdout",
        "at": _AT.isoformat(),
    }
    if kind.startswith("alias.") and kind not in (*_OF_ALIASES, DEFAULT_KIND):
        data["proposal"] = {"id": str(_ID), "proposed_by": actor.user.username}
    if kind == event_messages.REFERENCES_CHANGED.name:
        # A worker found it, so nobody did it.
        data |= {"by": None, "reason": ""} | event_payloads.of_references({"changed": 1, "references": [_REFERENCE]})
    return Event(kind=kind, project=project, alias=alias, data=data, actor=actor.user, created_at=_AT)


def _alert(actor: Actor, project: Project) -> dict[str, Any]:
    url = f"{settings.BASE_URL}{project.get_absolute_url()}/runs/brisk-otter-12"
    return {
        "run": {"id": str(_ID), "name": "brisk-otter-12", "project": project.full_name, "url": url},
        "title": "Loss is NaN",
        "text": "At step 1,200, after the learning rate was raised.",
        "level": "WARN",
        "by": actor.user.username,
        "at": _AT.isoformat(),
    }


class Preview(NamedTuple):
    """An event, and what would be sent of it, as JSON."""

    event: Event
    format: WebhookFormat
    payload: dict[str, Any]


def preview(actor: Actor, project: Project, format: str, kind: str = DEFAULT_KIND) -> Preview:
    """What would be sent of such an event. Raises `Invalid`, also for an unknown format."""
    if format not in WebhookFormat.values:
        raise errors.Invalid(f"Choose one of the formats {', '.join(WebhookFormat.values)}.")
    event = example(actor, project, kind)
    return Preview(event, WebhookFormat(format), message_formats.payload(event, format))


def _version(version: str) -> dict[str, str] | None:
    return {"id": str(_ID), "version": version} if version else None
