"""One hierarchy of a server over HTTP: each method is one operation of its API, in JSON as the server sends it.

It blocks, and may be used from several threads. What may be repeated without harm is repeated when a response is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from urllib3.exceptions import HTTPError

from wanllmdb.records import errors
from wanllmdb.records.addresses import RemoteAddress
from wanllmdb.sdk import cancellation, connection_errors
from wanllmdb.sdk.connection_errors import ObjectStoreError
from wanllmdb.sdk.errors import Conflict, NotFound, WanLLMDBError
from wanllmdb.sdk.http_client import Client, quote_segment
from wanllmdb.sdk.http_pools import BLOCK_SIZE
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

PAGE_SIZE = 200
MAX_BATCH = 1_000
# Servers also count the values in a body, which may be of two bytes each, and accept a million.
MAX_BATCH_BYTES = 2 * (1 << 20)
MAX_PAYLOADS_PER_REQUEST = 1_000
MAX_WORKERS = 6
ARTIFACTS = "/artifacts"

T = TypeVar("T")


@dataclass(frozen=True)
class Upload:
    """Bytes on their way to the object store."""

    content: bytes
    content_type: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def spec(self) -> dict[str, Any]:
        return {"sha256": self.sha256, "size": len(self.content), "content_type": self.content_type}


class HierarchyClient:
    """Raises the exceptions of `records.errors` and of the SDK, with the sentence of the server."""

    def __init__(self, address: RemoteAddress, client: Client) -> None:
        """`client` is one for the hierarchy's own URL."""
        self.address = address
        self.client = client

    def close(self) -> None:
        self.client.close()

    # --- Reading ------------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """The hierarchy: its name, labels of levels, and what is allowed in it."""
        with leaves():
            return dict(self.client.get("/info")["hierarchy"])

    def get(self, record_id: str) -> dict[str, Any]:
        with leaves():
            return dict(self.client.get(_path(record_id)))

    def page(self, number: int, size: int, **filters: object) -> dict[str, Any]:
        """`items`, `total`, `page`, `size`, `pages`."""
        with leaves():
            response = self.client.get(ARTIFACTS, page=number, size=size, **filters)
            return {**response, "items": self._complete(response["items"])}

    def iter_all(self, **filters: object) -> Iterator[dict[str, Any]]:
        """All that the filters match, each that stays once, whatever others do meanwhile."""
        for page in self.iter_pages(**filters):
            yield from page

    def iter_pages(self, **filters: object) -> Iterator[list[dict[str, Any]]]:
        """The same in pages, each of which is fetched when it is needed."""
        cursor = ""
        while cursor is not None:
            with leaves():
                response = self.client.get(ARTIFACTS, cursor=cursor, size=PAGE_SIZE, **filters)
                items = self._complete(response["items"])
            yield items
            cursor = response.get("next_cursor")

    def get_many(self, record_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those that exist, in the order of the ids."""
        with leaves():
            found: dict[str, dict[str, Any]] = {}
            for ids in chunks(list(dict.fromkeys(record_ids)), PAGE_SIZE):
                response = self.client.get(ARTIFACTS, ids=",".join(ids), size=PAGE_SIZE)
                found |= {item["id"]: item for item in self._complete(response["items"])}
            return [found[record_id] for record_id in record_ids if record_id in found]

    def subtree(self, record_id: str, max_depth: int | None) -> list[dict[str, Any]]:
        """The record and its descendants, parents before their children."""
        with leaves():
            tree = self.client.get(f"{_path(record_id)}/$tree", max_depth=max_depth)
        return self._complete_nodes(_flatten(tree))

    def ancestors(self, record_id: str) -> list[dict[str, Any]]:
        """What is above the record, from the root down."""
        with leaves():
            found = self.client.get(f"{_path(record_id)}/$expand", max_depth=0)
        return self._complete_nodes(found["ancestors"])

    def _complete(self, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The items of a list with the long data that lists leave out."""
        return [self.client.complete(item, _path(item["id"])) for item in items]

    def _complete_nodes(self, nodes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The same of a tree, which leaves out the data of most records where it has very many."""
        found = list(nodes)
        omitted = [node["id"] for node in found if node.get("omitted")]
        whole = {item["id"]: item["data"] for item in self.get_many(omitted)}
        # What was deleted meanwhile is no longer in the tree either.
        return [
            {**node, "data": whole[node["id"]]} if node.get("omitted") else node
            for node in found
            if not node.get("omitted") or node["id"] in whole
        ]

    # --- Writing ------------------------------------------------------------------------------------------------------

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`body` has an id of its own, by which a repeated request is recognised."""
        try:
            with leaves():
                return dict(self.client.post(ARTIFACTS, body, idempotent=True))
        except (Conflict, NotFound) as error:
            if not error.response_lost or not (found := self.get_many([str(body["id"])])):
                raise
            return found[0]

    def create_many(self, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """At most `MAX_BATCH`, each with an id of its own, parents before their children: all of them, or none."""
        try:
            with leaves():
                return list(self.client.post(f"{ARTIFACTS}/$batch", {"items": bodies}, idempotent=True)["items"])
        except (Conflict, NotFound) as error:
            found = self.get_many([str(body["id"]) for body in bodies]) if error.response_lost else []
            if len(found) < len(bodies):
                raise
            return found

    def update(self, record_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace what the body has; with a `parent_id`, move it too."""
        try:
            with leaves():
                return dict(self.client.put(_path(record_id), body, idempotent=True))
        except WanLLMDBError as error:
            if not error.response_lost or isinstance(error, NotFound):
                raise
            # Bytes are attached once: what the lost response confirmed cannot be repeated.
            found = self.get(record_id)
            wanted = {payload["id"] for payload in body.get("payloads", ())}
            if not wanted or wanted != {payload["id"] for payload in found["payloads"]}:
                raise
            return found

    def delete(self, record_id: str) -> None:
        with leaves():
            self.client.delete(_path(record_id))

    def delete_many(self, record_ids: Sequence[str], *, is_recursive: bool = False) -> int:
        """All of them, or none; with all below them, where it is recursive. Returns how many records that were."""
        body = {"ids": list(record_ids), "recursive": is_recursive}
        try:
            with leaves():
                return int(self.client.post(f"{ARTIFACTS}/$delete", body, idempotent=True)["deleted"])
        except NotFound as error:
            if not error.response_lost or self.get_many(record_ids):
                raise
            return len(record_ids)

    # --- Bytes --------------------------------------------------------------------------------------------------------

    def upload(self, uploads: Sequence[Upload]) -> list[str]:
        """Store them, straight in the object store, and return the ids by which a record can then claim them."""
        ids = [""] * len(uploads)
        with leaves(), WorkerPool(MAX_WORKERS) as workers:
            for start in range(0, len(uploads), MAX_PAYLOADS_PER_REQUEST):
                some = uploads[start : start + MAX_PAYLOADS_PER_REQUEST]
                for number, (upload, target) in enumerate(zip(some, self._begin_uploads(some), strict=True), start):
                    workers.submit(self._put, upload, target, ids, number)
        return ids

    def _begin_uploads(self, uploads: Sequence[Upload]) -> list[dict[str, Any]]:
        body = {"payloads": [upload.spec for upload in uploads]}
        return list(self.client.post(f"{ARTIFACTS}/$payloads", body, idempotent=True)["payloads"])

    def _put(self, upload: Upload, target: dict[str, Any], ids: list[str], number: int) -> None:
        for is_last_attempt in (False, False, True):
            put = target["put"]
            ids[number] = target["id"]
            if put is None:  # the store has these bytes already
                return
            try:
                self.client.upload(put["url"], put["headers"], lambda: _blocks(upload.content), len(upload.content))
            except ObjectStoreError as error:
                if is_last_attempt or not error.is_expired:
                    raise
                (target,) = self._begin_uploads([upload])
            else:
                return

    def read_payload(self, record_id: str, pointer: str, sha256: str) -> bytes:
        """The bytes at the pointer. Raises `CorruptPayload` if their hash is another one."""
        content = bytearray()

        def start() -> Callable[[bytes], object]:
            content.clear()
            return content.extend

        self.download(record_id, start, pointer=pointer)
        if sha256 and hashlib.sha256(content).hexdigest() != sha256:
            raise errors.CorruptPayload(
                f"The bytes at {pointer!r} of record {record_id} are not those that were stored: the object store or "
                "something on the way changed them"
            )
        return bytes(content)

    def download(
        self,
        record_id: str,
        start: Callable[[], Callable[[bytes], object]],
        *,
        accept: str = "*/*",
        **query: object,
    ) -> Mapping[str, str]:
        """Pass the bytes of `$download` to what `start` returns, and return the headers of the response.

        `start` is called for each attempt, the next of which follows where a connection breaks.
        """
        for is_last_attempt in (False, False, True):
            with leaves():
                response = self.client.open(f"{_path(record_id)}/$download", accept=accept, **query)
            write = start()
            try:
                for block in response.stream(BLOCK_SIZE):
                    cancellation.raise_if_cancelled()
                    write(block)
            except HTTPError as error:
                response.close()
                if is_last_attempt:
                    raise connection_errors.unreachable(self.address.url, error) from error
            except BaseException:
                response.close()
                raise
            else:
                return dict(response.headers)
        raise AssertionError("the last attempt returns or raises")


def _flatten(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node["children"])


def _path(record_id: str) -> str:
    return f"{ARTIFACTS}/{quote_segment(record_id)}"


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _blocks(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), BLOCK_SIZE):
        cancellation.raise_if_cancelled()
        yield content[start : start + BLOCK_SIZE]


@contextmanager
def leaves() -> Iterator[None]:
    """Raise what the server refuses as the leaf of `records.errors` that it is."""
    try:
        yield
    except WanLLMDBError as error:
        leaf = errors.of_records(error)
        if leaf is error:
            raise
        raise leaf from None
