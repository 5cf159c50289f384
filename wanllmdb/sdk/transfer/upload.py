"""Upload to the object store: in parallel, read from disk in bounded memory, and resumable."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from wanllmdb.sdk.cancellation import raise_if_cancelled
from wanllmdb.sdk.connection_errors import ObjectStoreError
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.http_pools import BLOCK_SIZE
from wanllmdb.sdk.progress import OnProgress
from wanllmdb.sdk.transfer import hashes, upload_plan
from wanllmdb.sdk.transfer.hashes import HashedFile
from wanllmdb.sdk.transfer.upload_plan import UploadPlan
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

MAX_WORKERS = 6
# Presigned URLs are valid for an hour; with so few in a request they are normally used long before.
MAX_OBJECTS_PER_REQUEST = 256


class UploadTarget:
    """Where one object is uploaded to. Expired presigned URLs are replaced by new ones."""

    def __init__(self, client: Client, version_id: str, request: dict[str, Any], target: dict[str, Any]) -> None:
        self._client = client
        self._version_id = version_id
        self._request = request
        self._target = target
        self._lock = threading.Lock()
        self._etags: dict[int, str] = {part["number"]: part["etag"] for part in self.parts if part["etag"]}
        self._remaining = len(self.parts) - len(self._etags) or 1

    @property
    def is_uploaded(self) -> bool:
        return bool(self._target["state"] == "uploaded")

    @property
    def parts(self) -> list[dict[str, Any]]:
        return list(self._target.get("parts") or ())

    def upload(self, body: Callable[[], Iterable[bytes]], length: int, part: int | None = None) -> None:
        """Upload the object, or one part of it. Raises `ObjectStoreError`, `Unreachable`."""
        for is_last_attempt in (False, False, True):
            target = self._target
            if self.is_uploaded:
                return
            presigned = target if part is None else target["parts"][part - 1]
            try:
                etag = self._client.upload(presigned["url"], presigned["headers"], body, length)
            except ObjectStoreError as error:
                if is_last_attempt or not error.is_expired:
                    raise
                self._renew(target)
            else:
                if part is not None:
                    self._etags[part] = etag
                return

    def finish_one(self) -> bool:
        """Count a part that has arrived. Whether it was the last one, and the object is complete."""
        with self._lock:
            self._remaining -= 1
            return self._remaining == 0

    def _renew(self, expired: dict[str, Any]) -> None:
        with self._lock:
            if self._target is expired:
                (self._target,) = _request_targets(self._client, self._version_id, [self._request])

    def to_completion(self) -> dict[str, Any]:
        """The uploaded parts, in the body of a finalize request."""
        parts = [{"number": number, "etag": etag} for number, etag in sorted(self._etags.items())]
        return {"id": self._target["id"], "parts": parts}


def upload(client: Client, version_id: str, plan: UploadPlan, on_progress: OnProgress) -> list[dict[str, Any]]:
    """Upload everything in the plan, and return the multipart uploads to complete when the version is finalized.

    Raises `FileChanged`, `Unreachable`, and the errors of the server. Calling it again resumes where it stopped.
    """
    multipart = []
    with WorkerPool(MAX_WORKERS) as workers:
        for file in plan.large:
            (target,) = _targets_of(client, version_id, [file])
            multipart.append(target)
            if all(part["etag"] for part in target.parts):
                on_progress(0, 1)
            for part in target.parts:
                if part["etag"]:
                    on_progress(part["size"], is_reused=True)
                else:
                    position = part["offset"], part["size"], part["number"]
                    workers.submit(_upload_range, target, file, *position, on_progress)
        for pack in plan.packs:
            workers.submit(_upload_pack, client, version_id, pack, on_progress)
        remaining = iter(plan.single)
        while files := list(islice(remaining, MAX_OBJECTS_PER_REQUEST)):
            for file, target in zip(files, _targets_of(client, version_id, files), strict=True):
                if target.is_uploaded:
                    on_progress(file.size, 1, is_reused=True)
                else:
                    workers.submit(_upload_range, target, file, 0, file.size, None, on_progress)
    return [target.to_completion() for target in multipart if not target.is_uploaded]


def _request_targets(client: Client, version_id: str, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    body = {"objects": requests}
    return list(client.post(f"/artifacts/versions/{version_id}/uploads", body, idempotent=True)["objects"])


def _targets_of(client: Client, version_id: str, files: list[HashedFile]) -> list[UploadTarget]:
    requests = [upload_plan.to_request(file) for file in files]
    targets = _request_targets(client, version_id, requests)
    return [
        UploadTarget(client, version_id, request, target) for request, target in zip(requests, targets, strict=True)
    ]


def _upload_pack(client: Client, version_id: str, files: list[HashedFile], on_progress: OnProgress) -> None:
    pack = upload_plan.build_pack(files)
    request = pack.to_request()
    (target,) = _request_targets(client, version_id, [request])
    UploadTarget(client, version_id, request, target).upload(lambda: pack.blocks, pack.size)
    on_progress(pack.size, len(files))


def _upload_range(
    target: UploadTarget, file: HashedFile, offset: int, size: int, part: int | None, on_progress: OnProgress
) -> None:
    """Upload a range of the file, unless the file has changed since it was hashed."""
    if not hashes.is_unchanged(file):
        raise upload_plan.file_changed_error(file)
    try:
        target.upload(_range_reader(file, offset, size, on_progress), size, part)
    except ObjectStoreError as error:
        # The presigned URL is bound to the hash: the store itself rejects bytes that changed during the upload.
        if not hashes.is_unchanged(file):
            raise upload_plan.file_changed_error(file) from error
        raise
    if not hashes.is_unchanged(file):
        raise upload_plan.file_changed_error(file)
    on_progress(0, target.finish_one())


def _range_reader(file: HashedFile, offset: int, size: int, on_progress: OnProgress) -> Callable[[], Iterator[bytes]]:
    sent = 0

    def read_blocks() -> Iterator[bytes]:
        nonlocal sent
        on_progress(-sent)
        sent = 0
        with hashes.open_source(file.source) as source:
            source.seek(offset)
            while sent < size:
                raise_if_cancelled()
                block = source.read(min(BLOCK_SIZE, size - sent))
                if not block:
                    raise upload_plan.file_changed_error(file)
                yield block
                sent += len(block)
                on_progress(len(block))

    return read_blocks
