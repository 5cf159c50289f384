"""Sends files of a run to the server: the bytes go straight to the object store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from wanllmdb.sdk import errors
from wanllmdb.sdk.byte_sizes import describe
from wanllmdb.sdk.cancellation import raise_if_cancelled
from wanllmdb.sdk.connection_errors import ObjectStoreError
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.http_pools import BLOCK_SIZE
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

# Presigned URLs are valid for an hour: with so few in a request they are used long before.
MAX_FILES_PER_REQUEST = 100
MAX_WORKERS = 4
# What a store takes in one request. A larger file is better kept as an artifact, which is sent in parts.
MAX_FILE_BYTES = 5 << 30
_ATTEMPTS = 3


def send(client: Client, run_id: str, files: Mapping[str, str]) -> None:
    """Send files by their path in the run, each as long as it is when it is begun. Those of the same path are replaced.

    Raises `Invalid` for what cannot be read or is too large, `FileChanged` for what gets shorter again and again, and
    the errors of the server. What was sent until then is kept.
    """
    for source in files.values():
        require_readable(source)
    waiting = iter(files.items())
    while batch := dict(islice(waiting, MAX_FILES_PER_REQUEST)):
        _send_batch(client, f"/runs/{run_id}/files", batch)


def _send_batch(client: Client, path: str, batch: Mapping[str, str]) -> None:
    begun = client.post(path, {"files": list(batch)}, idempotent=True)["items"]
    with WorkerPool(MAX_WORKERS) as workers:
        # In the order that they were asked for: the server may write a path in another way.
        for (name, source), item in zip(batch.items(), begun, strict=True):
            workers.submit(_put, client, path, name, source, item["upload_url"])
    client.post(f"{path}/uploaded", {"files": list(batch)}, idempotent=True)


def _put(client: Client, path: str, name: str, source: str, url: str) -> None:
    for is_last_attempt in [False] * (_ATTEMPTS - 1) + [True]:
        try:
            size = require_readable(source)
            client.upload(url, {}, _reader(source, size), size)
            return
        except errors.FileChanged:
            if is_last_attempt:
                raise
        except ObjectStoreError as error:
            if is_last_attempt or not error.is_expired:
                raise
            (item,) = client.post(path, {"files": [name]}, idempotent=True)["items"]
            url = item["upload_url"]


def require_readable(source: str) -> int:
    """The size of the file. Raises `Invalid`, and `FileChanged` if it is gone."""
    with hashes.open_source(source) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            # Some files say that they are empty, and cannot be read.
            file.read(1)
        except OSError as error:
            raise errors.Invalid(f"{source} cannot be read: {error.strerror or error}") from error
    if size > MAX_FILE_BYTES:
        raise errors.Invalid(
            f"{source} has {describe(size)}: a file of a run has at most {describe(MAX_FILE_BYTES)}; keep it with "
            "log_artifact"
        )
    return size


def _reader(source: str, size: int) -> Callable[[], Iterator[bytes]]:
    """So many bytes from the beginning. A log file may grow meanwhile."""

    def read_blocks() -> Iterator[bytes]:
        left = size
        with hashes.open_source(source) as file:
            while left > 0:
                raise_if_cancelled()
                try:
                    block = file.read(min(BLOCK_SIZE, left))
                except OSError as error:
                    raise errors.Invalid(f"{source} cannot be read: {error.strerror or error}") from error
                if not block:
                    raise errors.FileChanged(f"{source} became shorter while it was being sent")
                left -= len(block)
                yield block

    return read_blocks
