"""The md5 of all files of a version, which other clients know files by: workers find out those that nobody stated."""

import time
from threading import BoundedSemaphore

from artifacts import errors, tasks
from artifacts.models import ArtifactVersion, Blob

# How long a request waits for a worker, and how many of a process do: the others have threads then.
WAIT_SECONDS = 10.0
_PAUSE_SECONDS = 0.2
_waiting = BoundedSemaphore(2)
_RETRY_AFTER_SECONDS = 3


def require(version: ArtifactVersion) -> None:
    """Return once they are known. Raises `Unavailable` where that takes longer than a request may wait."""
    if are_known(version):
        return
    tasks.verify.delay_on_commit(str(version.pk))
    if not (_waiting.acquire(blocking=False) and _wait(version)):
        raise _not_yet()


def are_known(version: ArtifactVersion) -> bool:
    """Of all files whose bytes are sound; of corrupt ones nobody finds it out."""
    readable = (Blob.State.UPLOADED, Blob.State.VERIFIED)
    return not version.files.filter(blob__md5__isnull=True, blob__state__in=readable).exists()


def _wait(version: ArtifactVersion) -> bool:
    """Whether they are known in time; gives the slot back."""
    end = time.monotonic() + WAIT_SECONDS
    try:
        while not (known := are_known(version)) and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS)
        return known
    finally:
        _waiting.release()


def _not_yet() -> errors.Unavailable:
    refusal = errors.Unavailable("The md5 of some files is being computed: try again in a moment.")
    refusal.retry_after = _RETRY_AFTER_SECONDS
    return refusal
