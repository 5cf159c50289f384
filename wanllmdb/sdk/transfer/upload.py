"""Upload to the object store: in parallel, read from disk in bounded memory, and resumable.

One thread asks the server where to, for many objects at once, and prepares the next ones; others send.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from wanllmdb.sdk.cancellation import raise_if_cancelled
from wanllmdb.sdk.connection_errors import ObjectStoreError
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.http_pools import BLOCK_SIZE
from wanllmdb.sdk.progress import OnProgress
from wanllmdb.sdk.transfer import hashes, upload_plan
from wanllmdb.sdk.transfer.hashes import MIB, HashedFile
from wanllmdb.sdk.transfer.upload_plan import Pack, PiecePack, UploadPlan
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

MAX_WORKERS = 4
# Presigned URLs are valid for an hour; with so few in a request they are normally used long before.
MAX_URLS_PER_REQUEST = 256
# Packs are in memory when their URLs are requested.
MAX_PACK_BYTES_PER_REQUEST = 32 * MIB
# Packs of pieces are hashed by then. The first ones are few, so that sending begins; then others send meanwhile, and a
# request is for twice as many each time, since it costs the server about 0.1 s however few there are.
MIN_PIECE_BYTES_PER_REQUEST = 64 * MIB
MAX_PIECE_BYTES_PER_REQUEST = 256 * MIB

_Item = HashedFile | Pack | PiecePack


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
        for batch in _batches(plan):
            requests = [upload_plan.to_request(item) for item in batch]
            for item, request, record in zip(
                batch, requests, _request_targets(client, version_id, requests), strict=True
            ):
                target = UploadTarget(client, version_id, request, record)
                if target.is_uploaded:
                    file_count = 1 if isinstance(item, HashedFile) else item.file_count
                    on_progress(item.size, file_count, is_reused=True)
                elif isinstance(item, Pack):
                    workers.submit(_upload_pack, target, item, on_progress)
                elif isinstance(item, PiecePack):
                    workers.submit(_upload_pieces, target, item, on_progress)
                elif item.parts:
                    multipart.append(target)
                    on_progress(0, all(part["etag"] for part in target.parts))
                    for part in target.parts:
                        if part["etag"]:
                            on_progress(part["size"], is_reused=True)
                        else:
                            position = part["offset"], part["size"], part["number"]
                            workers.submit(_upload_range, target, item, *position, on_progress)
                else:
                    workers.submit(_upload_range, target, item, 0, item.size, None, on_progress)
    return [target.to_completion() for target in multipart]


def _batches(plan: UploadPlan) -> Iterator[list[_Item]]:
    """What is requested together. The packs are read when it is their turn."""
    batch: list[_Item] = []
    fullness = 0.0
    max_piece_bytes = MIN_PIECE_BYTES_PER_REQUEST
    packs = map(upload_plan.build_pack, plan.packs)
    items: Iterable[_Item] = chain(plan.large, plan.single, packs, plan.piece_packs)
    for item in items:
        share = _share(item, max_piece_bytes)
        if batch and fullness + share > 1:
            yield batch
            if isinstance(batch[-1], PiecePack):
                max_piece_bytes = min(2 * max_piece_bytes, MAX_PIECE_BYTES_PER_REQUEST)
                share = _share(item, max_piece_bytes)
            batch, fullness = [], 0.0
        batch.append(item)
        fullness += share
    if batch:
        yield batch


def _share(item: _Item, max_piece_bytes: int) -> float:
    """Of what fits into one request."""
    if isinstance(item, HashedFile):
        return max(1, len(item.parts)) / MAX_URLS_PER_REQUEST
    max_bytes = MAX_PACK_BYTES_PER_REQUEST if isinstance(item, Pack) else max_piece_bytes
    return max(1 / MAX_URLS_PER_REQUEST, item.size / max_bytes)


def _request_targets(client: Client, version_id: str, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    body = {"objects": requests}
    return list(client.post(f"/artifacts/versions/{version_id}/uploads", body, idempotent=True)["objects"])


def _upload_pack(target: UploadTarget, pack: Pack, on_progress: OnProgress) -> None:
    sent = 0

    def send_blocks() -> Iterator[bytes]:
        nonlocal sent
        on_progress(-sent)
        sent = 0
        for block in pack.blocks:
            yield block
            sent += len(block)
            on_progress(len(block))

    target.upload(send_blocks, pack.size)
    on_progress(pack.size - sent, pack.file_count)


def _upload_pieces(target: UploadTarget, pack: PiecePack, on_progress: OnProgress) -> None:
    sent = 0

    def read_blocks() -> Iterator[bytes]:
        nonlocal sent
        on_progress(-sent)
        sent = 0
        for block in upload_plan.read_pieces(pack):
            yield block
            sent += len(block)
            on_progress(len(block))

    files = list({id(piece.file): piece.file for piece in pack.pieces}.values())
    try:
        target.upload(read_blocks, pack.size)
    except ObjectStoreError:
        # The store rejects bytes that changed after they were hashed.
        _require_unchanged(files)
        raise
    _require_unchanged(files)
    on_progress(0, pack.file_count)


def _require_unchanged(files: Iterable[HashedFile]) -> None:
    for file in files:
        if not hashes.is_unchanged(file):
            raise upload_plan.file_changed_error(file)


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
