"""Trying an external store: one HEAD from this server, for the admin who has just set it up."""

from threading import BoundedSemaphore
from typing import NamedTuple

from django.db import models

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import errors
from artifacts.models import ExternalStore, ReferenceState
from artifacts.references import external_stores, inspection, presigned_urls, uris
from artifacts.references.uris import Provider
from core.errors import AddressRefused
from core.guarded_http import Limits

# The thread of a web process waits for it, so no longer than this, and few at once.
_LIMITS = Limits(connect=2, read=4, total=5)
_slots = BoundedSemaphore(2)


class Outcome(models.TextChoices):
    """What a test found."""

    OK = "ok", "It works"
    MISSING = "missing", "Not found"
    DENIED = "denied", "Denied"
    UNREACHABLE = "unreachable", "Unreachable"


class StoreTest(NamedTuple):
    outcome: Outcome
    message: str
    status: int | None
    duration_ms: int


def test(actor: Actor, store: ExternalStore, path: str = "") -> StoreTest:
    """Ask for the object at the path under the store's prefix, or without one for its bucket. For the team's admins.

    Raises `Invalid` for a path that is none, `Busy` where others are being tested.
    """
    permissions.require(actor, store.team, Role.ADMIN)
    access = external_stores.access(store)
    if access.problem:
        return StoreTest(Outcome.DENIED, access.problem, None, 0)
    key = ""
    if path := path.strip("/"):
        key = uris.parse(f"{store.prefix}/{path}").key
    elif access.coverage.provider == Provider.AZURE:
        # Of a container itself, Azure's signatures of this kind tell nothing.
        raise errors.Invalid("Of Azure, enter the path of an object under the prefix.")
    url = presigned_urls.read_url(access.stored(key), access.credentials, method="HEAD")
    if not _slots.acquire(blocking=False):
        raise errors.Busy("Other stores are being tested just now: try again in a moment.")
    try:
        response = inspection.ask(url, access.policy_of, _LIMITS)
    except AddressRefused as refusal:
        return StoreTest(Outcome.UNREACHABLE, str(refusal), None, 0)
    finally:
        _slots.release()
    outcome = _outcome(response)
    return StoreTest(outcome, _message(outcome, response, key), response.status, response.duration_ms)


def _outcome(response: inspection.Response) -> Outcome:
    if response.is_success:
        return Outcome.OK
    state = inspection.state_of(response)
    return Outcome(state.value) if state in (ReferenceState.MISSING, ReferenceState.DENIED) else Outcome.UNREACHABLE


def _message(outcome: Outcome, response: inspection.Response, key: str) -> str:
    noun = "object" if key else "bucket"
    match outcome:
        case Outcome.OK:
            return f"The server can read this {noun}."
        case Outcome.MISSING:
            return f"The store answers, but has no such {noun}."
        case Outcome.DENIED if not key:
            return "The store refuses these credentials, or they may not list the bucket: try the path of an object."
        case Outcome.DENIED:
            return "The store refuses these credentials."
    return response.error or f"The store responded with status {response.status}: check endpoint and region."
