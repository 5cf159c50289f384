"""A client by hand: states, sends, finalizes. Not the SDK, so that neither hides what the other does wrong."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3
from django.conf import settings
from django.db import connections

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import versions
from artifacts.content import uploads
from artifacts.content.uploads import PackEntry, UploadRequest
from artifacts.draft_files import FileSpec
from artifacts.errors import VersionFinalized, VersionNotFound
from artifacts.models import Artifact, ArtifactVersion
from artifacts.storage import SignedPut

HTTP = urllib3.PoolManager(retries=False)
MIB = 2**20


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def digest_of(files: Mapping[str, bytes]) -> str:
    lines = [(path.encode(), f"{path}\0{sha256(body)}\0{len(body)}\n".encode()) for path, body in files.items()]
    return hashlib.sha256(b"".join(line for _, line in sorted(lines))).hexdigest()


def file_specs(files: Mapping[str, bytes]) -> list[FileSpec]:
    return [FileSpec(path, len(body), sha256(body)) for path, body in files.items()]


def single_file(body: bytes) -> UploadRequest:
    return UploadRequest("file", sha256(body), len(body))


def in_parts(body: bytes, part_size: int) -> UploadRequest:
    return UploadRequest("file", sha256(body), len(body), part_size, tuple(map(sha256, parts_of(body, part_size))))


def parts_of(body: bytes, part_size: int) -> list[bytes]:
    return [body[start : start + part_size] for start in range(0, len(body), part_size)]


def pack(*bodies: bytes) -> tuple[UploadRequest, bytes]:
    """A pack of these contents, and its bytes."""
    members, offset = [], 0
    for body in bodies:
        members.append(PackEntry(sha256(body), offset))
        offset += len(body)
    whole = b"".join(bodies)
    return UploadRequest("pack", sha256(whole), len(whole), members=tuple(members)), whole


def put(signed: SignedPut, body: bytes) -> urllib3.BaseHTTPResponse:
    return HTTP.request("PUT", signed.url, body=body, headers=signed.headers)


def send(signed: SignedPut, body: bytes) -> str:
    """The ETag of what was sent."""
    answer = put(signed, body)
    assert answer.status == 200, answer.data
    return answer.headers["ETag"].strip('"')


def fetch(url: str, offset: int = 0, size: int | None = None) -> bytes:
    """What an address gives to somebody who sends no key."""
    headers = {"Range": f"bytes={offset}-{offset + size - 1}"} if size else {}
    answer = HTTP.request("GET", url, headers=headers)
    assert answer.status in (200, 206), answer.data
    return b"" if size == 0 else answer.data


def begin(user: User, artifact: Artifact, files: Mapping[str, bytes], **more: Any) -> versions.DraftResult:
    return versions.begin(Actor(user), artifact, digest=digest_of(files), specs=file_specs(files), **more)


def upload(user: User, version: ArtifactVersion, bodies: Iterable[bytes], *, packed: bool = False) -> None:
    """Send these contents, each by itself or all in one pack."""
    bodies = list(bodies)
    if packed:
        requests, whole = pack(*bodies)
        [one] = uploads.begin(Actor(user), version, [requests])
        if one.put:
            send(one.put, whole)
        return
    for one, body in zip(
        uploads.begin(Actor(user), version, [single_file(body) for body in bodies]), bodies, strict=True
    ):
        if one.put:
            send(one.put, body)


def fill(
    user: User, artifact: Artifact, files: Mapping[str, bytes], *, packed: bool = False, **more: Any
) -> ArtifactVersion:
    """A draft with all its bytes in the store; or the version that has these contents already."""
    begun = begin(user, artifact, files, **more)
    missing = {sha256(body): body for body in files.values() if sha256(body) in begun.missing}
    try:
        if missing:
            upload(user, begun.version, missing.values(), packed=packed)
    except (VersionFinalized, VersionNotFound):
        # Another program of the same user was faster: now there is a version to be answered with.
        return fill(user, artifact, files, packed=packed, **more)
    return begun.version


def log(
    user: User, artifact: Artifact, files: Mapping[str, bytes], *aliases: str, packed: bool = False, **more: Any
) -> ArtifactVersion:
    """The finalized version that holds these files under these aliases."""
    version = fill(user, artifact, files, packed=packed, **more)
    return versions.finalize(Actor(user, Channel.SDK), version, aliases=aliases).version


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of them at the same moment, each on a connection of its own; what they answered, or raised, in order."""
    start = threading.Barrier(len(acts))

    def perform(act: Callable[[], Any]) -> Any:
        start.wait(30)
        try:
            return act()
        except Exception as error:  # Whoever asked for the race judges what came of it.
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(perform, acts))


def with_store_options(**options: Any) -> dict[str, Any]:
    """`settings.STORAGES` with these options of the object store."""
    store = settings.STORAGES["artifacts"]
    return settings.STORAGES | {"artifacts": store | {"OPTIONS": store["OPTIONS"] | options}}
