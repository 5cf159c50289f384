"""The bytes of what a reference leads to, in ranges, for previews: from external stores alone, and nothing is kept."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from artifacts import errors
from artifacts.models import ArtifactFile, ReferenceState
from artifacts.references import external_stores, inspection, presigned_urls, uris
from artifacts.references.external_stores import Access
from artifacts.references.inspection import Recorded
from core import guarded_http
from core.errors import AddressRefused
from core.guarded_http import Limits

# A page waits for them, and a preview takes a few.
_LIMITS = Limits(connect=2, read=3, total=5)
_PROBLEMS = {
    ReferenceState.CHANGED: "No preview: the file has changed since it was logged.",
    ReferenceState.MISSING: "No preview: the file is not where it was when it was logged.",
    ReferenceState.DENIED: "No preview: the credentials of the external store give no access to the file.",
}


def opened(file: ArtifactFile) -> Callable[[int, int], bytes]:
    """What reads so many bytes from an offset on, of a reference whose version comes with its project.

    Raises `Conflict`, with the reason, where nothing can be read; each read does so too, also where the object is not
    the one that was logged.
    """
    location = uris.parse(file.reference_uri or "")
    access = external_stores.access_for(external_stores.accesses(external_stores.team_of(file.version)), location)
    if access is None:
        raise errors.Conflict("No preview: the file is stored elsewhere, and no external store of the team covers it.")
    if access.problem:
        raise errors.Conflict(access.problem)
    if not file.size:
        raise errors.Conflict("No preview: the file is stored elsewhere, and its size was not recorded.")
    recorded = Recorded(file.reference_identity or "", file.reference_version_id or location.version_id, file.size)
    stored = access.stored(location.key, recorded.version_id)
    return partial(_read, presigned_urls.read_url(stored, access.credentials), access, recorded)


def _read(url: str, access: Access, recorded: Recorded, offset: int, length: int) -> bytes:
    try:
        response = guarded_http.get_range(url, access.policy_of(url), _LIMITS, offset, length)
    except AddressRefused as refusal:
        raise errors.Conflict(str(refusal)) from refusal
    given, _, total = response.headers.get("content-range", "").rpartition("/")
    # What a response to a HEAD would say: of the whole object, not of the range.
    finding = inspection.judge(replace(response, headers={**response.headers, "content-length": total}), recorded)
    if finding.state in _PROBLEMS:
        raise errors.Conflict(_PROBLEMS[finding.state])
    if response.status != 206 or len(response.data) != length or not given.startswith(f"bytes {offset}-"):
        raise errors.Conflict(f"No preview: the external store does not send the bytes. {finding.reason}".strip())
    return response.data
