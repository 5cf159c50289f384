"""The data of stored records, with their objects or with placeholders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wanllmdb.records import objects
from wanllmdb.records.repository import Repository, StoredRecord
from wanllmdb.records.threads import in_thread


class Contents:
    """Loads objects of one repository."""

    def __init__(self, repository: Repository, *, allow_pickle: bool) -> None:
        self._repository = repository
        self._allow_pickle = allow_pickle

    async def load(self, records: Sequence[StoredRecord], load_objects: bool | None) -> list[Any]:
        """The data of each record. None for `load_objects`: as the repository does in lists."""
        wanted = self._repository.loads_objects if load_objects is None else load_objects
        payloads = [payload for record in records for payload in record.payloads] if wanted else []
        if not payloads:
            return [record.data for record in records]
        contents = iter(await self._repository.read_payloads(payloads))
        # To unpickle a model takes a while, in which others go on.
        return await in_thread(lambda: [self._decode(record, contents) for record in records])

    def _decode(self, record: StoredRecord, contents: Any) -> Any:
        pairs = [(payload, next(contents)) for payload in record.payloads]
        return objects.decode(record.data, pairs, allow_pickle=self._allow_pickle)
