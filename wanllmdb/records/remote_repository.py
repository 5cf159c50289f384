"""The records of one hierarchy of a server: what its API offers, as a repository.

Every method works in a thread of its own, so that others go on meanwhile. To cancel one gives up waiting: a request
that is on its way by then may still take effect.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import ClassVar, ParamSpec

from ulid import ULID

from wanllmdb.records import hierarchy_client, wire
from wanllmdb.records.addresses import RemoteAddress
from wanllmdb.records.errors import RecordNotFound
from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.hierarchy_client import Upload
from wanllmdb.records.repository import (
    ALL_RECORDS,
    Filters,
    NewRecord,
    PayloadInfo,
    RecordUpdate,
    Repository,
    StoredRecord,
)
from wanllmdb.records.threads import in_thread
from wanllmdb.records.transfer_client import TransferClient
from wanllmdb.records.wire import JsonObject
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.errors import WanLLMDBError
from wanllmdb.sdk.http_client import API_PATH, Client
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

# Of an export, whose lines may be long.
_LINES_AT_ONCE = 50

P = ParamSpec("P")


class RemoteRepository(Repository):
    """Lists and trees come with placeholders unless objects are asked for: each is a download of its own.

    `write` creates all new records of a call or none. Beyond 1,000 of them or 2 MiB of JSON that takes several
    requests, and others may see the first before all are there. Of several updates, those before one that is refused
    stay done. Filters compare values of the data by their text, so that 42 finds "42" as well.
    """

    loads_objects: ClassVar[bool] = False

    def __init__(self, address: RemoteAddress, connection: Connection) -> None:
        """The connection's key is used; without one, what the hierarchy offers to everybody."""
        connection.require_online("Reaching records on a server")
        path = address.path + API_PATH
        client = Client(address.base_url, connection.settings.api_key, api_path=path, is_key_optional=True)
        self.client = TransferClient(address, client)

    async def find_hierarchy(self) -> ArtifactHierarchy | None:
        return wire.hierarchy(await in_thread(self.client.describe))

    async def write(
        self, writes: Sequence[NewRecord | RecordUpdate], hierarchy: ArtifactHierarchy
    ) -> list[StoredRecord]:
        return await in_thread(self._write, list(writes))

    async def find(self, ids: Sequence[ULID]) -> list[StoredRecord]:
        return await in_thread(self._find, [str(id) for id in ids])

    async def find_all(self, filters: Filters = ALL_RECORDS) -> list[StoredRecord]:
        return await in_thread(lambda: [wire.record(item) for item in self.client.iter_all(**wire.query(filters))])

    async def find_page(self, page: int, size: int, filters: Filters = ALL_RECORDS) -> tuple[list[StoredRecord], int]:
        response = await in_thread(self.client.page, page, size, **wire.query(filters))
        return [wire.record(item) for item in response["items"]], response["total"]

    async def count(self, filters: Filters = ALL_RECORDS) -> int:
        response = await in_thread(self.client.page, 1, 1, **wire.query(filters))
        return int(response["total"])

    async def find_subtree(self, root_id: ULID, max_depth: int | None = None) -> list[StoredRecord]:
        return await self._unless_absent(self.client.subtree, str(root_id), max_depth)

    async def find_ancestors(self, id: ULID) -> list[StoredRecord]:
        return await self._unless_absent(self.client.ancestors, str(id))

    async def _unless_absent(
        self, find: Callable[P, list[JsonObject]], *args: P.args, **kwargs: P.kwargs
    ) -> list[StoredRecord]:
        try:
            return [wire.record(item) for item in await in_thread(find, *args, **kwargs)]
        except RecordNotFound:
            return []

    async def delete(self, ids: Sequence[ULID]) -> int:
        return await in_thread(self._delete, [str(id) for id in ids])

    async def delete_subtree(self, id: ULID) -> int:
        return await in_thread(self._delete_subtree, str(id))

    async def read_payloads(self, payloads: Sequence[PayloadInfo]) -> list[bytes]:
        return await in_thread(self._read_payloads, list(payloads))

    async def export_lines(self, after: ULID | None = None) -> AsyncIterator[bytes]:
        """The lines of an export, from the record that follows `after`, each payload with its bytes."""
        export = self.client.open_export(None if after is None else str(after))
        try:
            while batch := await in_thread(lambda: list(islice(export, _LINES_AT_ONCE))):
                for line in batch:
                    yield line
        finally:
            # While a thread still waits for the next line it cannot be closed, which that thread then does.
            with suppress(ValueError):
                export.close()

    async def import_lines(self, source: Iterable[bytes], *, skip_existing: bool = False) -> int:
        """Import the lines of an export: all of their records, or none. Returns how many. Raises `ImportRefused`."""
        return await in_thread(self.client.import_lines, source, skip_existing=skip_existing)

    async def close(self) -> None:
        self.client.close()

    # --- In threads ---------------------------------------------------------------------------------------------------

    def _find(self, ids: list[str]) -> list[StoredRecord]:
        if len(ids) > 1:
            return [wire.record(item) for item in self.client.get_many(ids)]
        try:
            return [wire.record(self.client.get(id)) for id in ids]
        except RecordNotFound:
            return []

    def _write(self, writes: list[NewRecord | RecordUpdate]) -> list[StoredRecord]:
        payloads = [payload for write in writes for payload in write.payloads]
        ids = iter(self.client.upload([Upload(payload.content, payload.content_type) for payload in payloads]))
        stored: list[JsonObject] = []
        batch: list[JsonObject] = []
        for write in writes:
            payload_ids = [next(ids) for _ in write.payloads]
            if isinstance(write, NewRecord):
                batch.append(wire.creation(write, payload_ids))
            else:
                stored += self._create(batch)
                batch = []
                stored.append(self.client.update(str(write.id), wire.change(write, payload_ids)))
        stored += self._create(batch)
        return [wire.record(item) for item in stored]

    def _create(self, bodies: list[JsonObject]) -> list[JsonObject]:
        if len(bodies) == 1:
            return [self.client.create(bodies[0])]
        created: list[JsonObject] = []
        try:
            for batch in _batches(bodies):
                created += self.client.create_many(batch)
        except WanLLMDBError:
            # One request is all or nothing; of several, the earlier ones are undone, if the server still answers.
            with suppress(WanLLMDBError):
                self._delete([item["id"] for item in created])
            raise
        return created

    def _delete(self, ids: list[str]) -> int:
        if len(ids) > 1:
            # Of more than a request takes, children go in an earlier one than their parents.
            found = sorted(self.client.get_many(ids), key=lambda item: -item["level"])
            ids = [item["id"] for item in found]
        count = 0
        for some in hierarchy_client.chunks(ids, hierarchy_client.MAX_BATCH):
            try:
                count += self.client.delete_many(some)
            except RecordNotFound:
                # Somebody else was faster: what is not there needs no deletion, and the others still do.
                count += self._delete(list(some)) if len(some) > 1 else 0
        return count

    def _delete_subtree(self, id: str) -> int:
        try:
            return self.client.delete_many([id], is_recursive=True)
        except RecordNotFound:
            return 0

    def _read_payloads(self, payloads: list[PayloadInfo]) -> list[bytes]:
        contents = [b""] * len(payloads)

        def read(number: int, payload: PayloadInfo) -> None:
            contents[number] = self.client.read_payload(str(payload.record_id), payload.pointer, payload.sha256)

        with WorkerPool(hierarchy_client.MAX_WORKERS) as workers:
            for number, payload in enumerate(payloads):
                workers.submit(read, number, payload)
        return contents


def _batches(bodies: list[JsonObject]) -> Iterator[list[JsonObject]]:
    """As few as the limits of a request allow."""
    batch: list[JsonObject] = []
    size = 0
    for body in bodies:
        body_size = len(json.dumps(body))
        if batch and (len(batch) == hierarchy_client.MAX_BATCH or size + body_size > hierarchy_client.MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += body_size
    if batch:
        yield batch
