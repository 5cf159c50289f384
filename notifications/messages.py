"""What happened, in a sentence: the inbox, mails and the API say it alike."""

from typing import Any
from urllib.parse import urlsplit

from notifications.models import Event, Kind

_SENTENCES = {
    Kind.ALIAS_CREATED: "{who} assigned {alias} to {to} of {name}",
    Kind.ALIAS_MOVED: "{who} moved {alias} of {name} from {before} to {to}",
    Kind.ALIAS_DELETED: "{who} removed {alias} from {before} of {name}",
    Kind.VERSION_FINALIZED: "{who} finalized {to} of {name}",
    Kind.VERSION_DELETED: "{who} deleted {before} of {name}",
    Kind.ALIAS_PROPOSED: "{who} proposes to {wish}",
    Kind.ALIAS_APPROVED: "{who} approved the proposal to {wish}",
    Kind.ALIAS_REJECTED: "{who} rejected the proposal to {wish}",
    Kind.WEBHOOK_TEST: "{who} tested a webhook of {name}",
    Kind.WEBHOOK_PAUSED: "A webhook of {name} is paused: {reason}",
}


def message_for(event: Event) -> str:
    """Without a full stop, on one line whatever names and reasons hold."""
    data = event.data
    words = {
        "who": data.get("by") or "Somebody",
        "alias": event.alias,
        "name": (data.get("artifact") or {}).get("name") or data.get("project", ""),
        "before": _version(data.get("from")),
        "to": _version(data.get("to")),
        "reason": data.get("reason", ""),
    }
    said = _SENTENCES[Kind(event.kind)].format(wish=_wish(words, data), **words)
    return " ".join(said.split())


def url_for(event: Event) -> str:
    """The path of the page that shows it, on this server."""
    data = event.data
    path = urlsplit((data.get("artifact") or data).get("url", "")).path
    return f"{path}/aliases" if event.alias else path or "/"


def _wish(words: dict[str, str], data: dict[str, Any]) -> str:
    if not data.get("to"):
        return "remove {alias} from {before} of {name}".format(**words)
    if not data.get("from"):
        return "assign {alias} to {to} of {name}".format(**words)
    return "move {alias} of {name} from {before} to {to}".format(**words)


def _version(told: dict[str, Any] | None) -> str:
    return str(told["version"]) if told else "nowhere"
