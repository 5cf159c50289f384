"""Small objects with known contents, by which clients and operators try the way to the object store and back.

They belong to no project and have no rows. One that is never deleted, since its client died, goes with the next one
that is made after it has expired: the time is in its id.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from uuid import UUID

from django.utils import timezone
from uuid_utils.compat import uuid7

from artifacts import storage
from artifacts.storage import SignedPut

PREFIX = "probes/clients/"
_LIFE = 2 * storage.SIGNED_URL_LIFE
_MAX_EXPIRED = 1000


@dataclass(frozen=True)
class StoreProbe:
    id: UUID
    content: bytes
    """What is to be uploaded; nothing else fits the signature where the store enforces checksums, and nothing longer
    anywhere."""
    upload: SignedPut
    download_url: str


def create(owner: object) -> StoreProbe:
    """Sign the addresses; nothing is stored yet. The owner is a user's id, or a name. Raises `StoreUnavailable`."""
    _delete_expired()
    probe_id = uuid7()
    key, content = _key(owner, probe_id), f"wanllmdb store probe {probe_id}\n".encode()
    checksum = sha256(content).hexdigest() if storage.enforces_checksums() else None
    upload = storage.get_upload_url(key, len(content), checksum)
    return StoreProbe(probe_id, content, upload, storage.get_download_url(key))


def delete(owner: object, probe_id: UUID) -> None:
    """One of the owner's, whether it was uploaded or not. Raises `StoreUnavailable`."""
    storage.delete_file(_key(owner, probe_id))


def _delete_expired() -> None:
    # The oldest come first, for ids are sorted by time.
    for info in islice(storage.list_files(PREFIX), _MAX_EXPIRED):
        if not _is_expired(info.key.removeprefix(PREFIX)):
            return
        storage.delete_file(info.key)


def _is_expired(name: str) -> bool:
    milliseconds = UUID(name.partition("/")[0]).int >> 80
    return datetime.fromtimestamp(milliseconds / 1000, UTC) < timezone.now() - _LIFE


def _key(owner: object, probe_id: UUID) -> str:
    return f"{PREFIX}{probe_id}/{owner}"
