"""The kinds of events of the registry, and the sentence that inbox, e-mails and API show for each."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from events.kinds import EventKind
from events.models import Event


def _message(template: str) -> Callable[[Event], str]:
    """The message of a kind, by the names of `_message_fields`."""
    return lambda event: template.format(**_message_fields(event))


def _message_fields(event: Event) -> dict[str, str]:
    data = event.data
    fields = {
        "actor": data.get("by") or "Someone",
        "alias": event.alias,
        "name": (data.get("artifact") or {}).get("name", ""),
        "before": _version_name(data.get("from")),
        "after": _version_name(data.get("to")),
    }
    if not data.get("to"):
        action = "remove {alias} from {before} of {name}"
    elif not data.get("from"):
        action = "assign {alias} to {after} of {name}"
    else:
        action = "move {alias} of {name} from {before} to {after}"
    return fields | {"action": action.format(**fields)}


def _version_name(version: dict[str, Any] | None) -> str:
    return str(version["version"]) if version else "nowhere"


def _references_message(event: Event) -> str:
    """`2 references of v3 of acme/demo/data changed, 1 is missing`; of one alone, its path."""
    fields, references = _message_fields(event), event.data.get("references") or {}
    counts = {state: references.get(state, 0) for state in _REFERENCES}
    found = [(state, count) for state, count in counts.items() if count]
    if sum(counts.values()) == 1 and references.get("first"):
        [(state, _)], path = found, references["first"][0]["path"]
        return f"{path} of {fields['after']} of {fields['name']} {_REFERENCES[state][0]}"
    parts = [f"{count:,} {_REFERENCES[state][count > 1]}" for state, count in found]
    return f"References of {fields['after']} of {fields['name']}: {', '.join(parts)}"


def _finalized_message(event: Event) -> str:
    """`alice finalized v3 of acme/demo/data`; of a link in a collection, that she linked it."""
    verb = "linked" if event.data.get("is_link") else "finalized"
    return "{actor} {verb} {after} of {name}".format(verb=verb, **_message_fields(event))


def _deletion_message(event: Event) -> str:
    """`alice deleted v3 of acme/demo/data`, or unlinked it; of what a worker deleted, that its TTL is over."""
    verb = "unlinked" if event.data.get("is_link") else "deleted"
    is_expired = not event.data.get("by") and event.data.get("reason")
    template = "{before} of {name} was {verb}: its TTL is over" if is_expired else "{actor} {verb} {before} of {name}"
    return template.format(verb=verb, **_message_fields(event))


# Of one, and of more.
_REFERENCES = {
    "changed": ("changed where it is stored", "changed where they are stored"),
    "missing": ("is missing where it was stored", "are missing where they were stored"),
    "denied": ("cannot be read where it is stored", "cannot be read where they are stored"),
}


def artifact_path(event: Event) -> str:
    """The path of the page of the artifact that it is about, as it was; "" of one that is about none."""
    return urlsplit((event.data.get("artifact") or {}).get("url", "")).path


def _url(event: Event) -> str:
    path, version = artifact_path(event), event.data.get("to")
    if not path:
        return "/"
    if event.kind == "alias.proposed" and (proposal := event.data.get("proposal")):
        return f"{path}/aliases#proposal-{proposal['id']}"
    if event.alias:
        return f"{path}/aliases/{event.alias}/history"
    return f"{path}/{version['version'] if version else 'versions'}"


ALIAS_CREATED = EventKind(
    "alias.created", "Alias created", _message("{actor} assigned {alias} to {after} of {name}"), _url
)
ALIAS_MOVED = EventKind(
    "alias.moved", "Alias moved", _message("{actor} moved {alias} of {name} from {before} to {after}"), _url
)
ALIAS_DELETED = EventKind(
    "alias.deleted", "Alias deleted", _message("{actor} removed {alias} from {before} of {name}"), _url
)
VERSION_FINALIZED = EventKind("version.finalized", "Version finalized", _finalized_message, _url)
VERSION_DELETED = EventKind("version.deleted", "Version deleted", _deletion_message, _url)
REFERENCES_CHANGED = EventKind("version.reference_changed", "References changed", _references_message, _url)
ALIAS_PROPOSED = EventKind("alias.proposed", "Move proposed", _message("{actor} proposes to {action}"), _url)
# Of an approved move, watchers hear as of any other.
ALIAS_APPROVED = EventKind(
    "alias.approved",
    "Proposed move approved",
    _message("{actor} approved the proposal to {action}"),
    _url,
    is_watchable=False,
)
ALIAS_REJECTED = EventKind(
    "alias.rejected", "Proposed move rejected", _message("{actor} rejected the proposal to {action}"), _url
)
KINDS = (
    ALIAS_CREATED,
    ALIAS_MOVED,
    ALIAS_DELETED,
    VERSION_FINALIZED,
    VERSION_DELETED,
    REFERENCES_CHANGED,
    ALIAS_PROPOSED,
    ALIAS_APPROVED,
    ALIAS_REJECTED,
)
