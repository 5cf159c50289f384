"""What workers ask the places that references lead to: by HEAD alone, guarded, and each host only so often."""

from collections import Counter
from functools import cache, partial
from threading import Lock
from urllib.parse import urlsplit

from django.conf import settings

from artifacts import errors
from artifacts.models import ArtifactFile, ReferenceState
from artifacts.references import external_stores, inspection, presigned_urls, uris
from artifacts.references.external_stores import Access
from artifacts.references.uris import Location, Provider
from core import url_policy
from core.errors import AddressRefused
from core.guarded_http import Limits, Response
from core.host_rate import HostRate
from core.url_policy import Destination

# A host that gave no response so often in a row, or had too many requests, is left alone until the next turn.
_MAX_FAILURES = 3
_OVERLOADED = (None, 429, 503)
_LEFT_ALONE = "The server did not respond to other requests just before, or had too many of them."
_UNREACHABLE = {
    Provider.FILE: "The server does not see the files of other machines.",
    Provider.OTHER: "The server does not know this kind of URI.",
}


class ObjectRequests:
    """What the threads of one turn share: the stores of a team, and which hosts fail. They ask no database."""

    def __init__(self, accesses: list[Access]) -> None:
        self._accesses = accesses
        self._limits = Limits(
            settings.REFERENCE_CONNECT_TIMEOUT, settings.REFERENCE_READ_TIMEOUT, settings.REFERENCE_TOTAL_TIMEOUT
        )
        self._failures: Counter[str] = Counter()
        self._lock = Lock()

    def ask(self, file: ArtifactFile) -> Response:
        """What is said of the object of a reference. Without a `status` nothing is, and `error` says why."""
        try:
            location = uris.check_reference(file.reference_uri or "")
        except errors.RegistryError as refusal:
            return _no_response(str(refusal))
        access = external_stores.access_for(self._accesses, location)
        if access is not None:
            return _no_response(access.problem) if access.problem else self._ask_store(access, location, file)
        if urlsplit(location.uri).scheme in ("http", "https"):
            return self._send(location.uri, None)
        return _no_response(_UNREACHABLE.get(location.provider, "No external store of the team covers it."))

    def _ask_store(self, access: Access, location: Location, file: ArtifactFile) -> Response:
        wants_checksum = location.provider == Provider.S3 and (file.reference_identity or "").startswith("sha256:")
        query = {"x_amz_checksum_mode": "ENABLED"} if wants_checksum else {}
        version_id = file.reference_version_id or location.version_id
        stored = access.stored(location.key, version_id)
        response = self._send(presigned_urls.read_url(stored, access.credentials, method="HEAD", **query), access)
        if version_id and file.reference_identity and inspection.state_of(response) == ReferenceState.MISSING:
            # Where a store keeps no former versions, what was written over is not missing: another one is there.
            stored = access.stored(location.key)
            current = self._send(presigned_urls.read_url(stored, access.credentials, method="HEAD"), access)
            return current if current.is_success else response
        return response

    def _send(self, url: str, access: Access | None) -> Response:
        host = urlsplit(url).hostname or ""
        if self._failures[host] >= _MAX_FAILURES:
            return _no_response(_LEFT_ALONE)
        policy_of = access.policy_of if access else lambda _: url_policy.for_references()
        wait_for_turn = partial(_wait_for_turn, host if access else "")
        try:
            response = inspection.ask(url, policy_of, self._limits, wait_for_turn)
        except AddressRefused as refusal:
            return _no_response(str(refusal))
        with self._lock:
            self._failures[host] = self._failures[host] + 1 if response.status in _OVERLOADED else 0
        return response


def _no_response(reason: str) -> Response:
    return Response(None, "", reason, 0)


def _wait_for_turn(store_host: str, destination: Destination) -> None:
    """For hosts that a redirect leads to as well; a machine of many names or ports is one host."""
    rate = _rates()[destination.host == store_host]
    for name in {destination.host.rstrip("."), destination.ip}:
        rate.wait(name)


@cache
def _rates() -> dict[bool, HostRate]:
    """Of external stores, and of the web."""
    return {True: HostRate(settings.STORE_CHECKS_A_SECOND), False: HostRate(settings.WEB_CHECKS_A_SECOND)}
