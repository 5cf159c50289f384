"""Bytes on their way to the object store: in parallel, from the disk, in bounded memory, and safe to begin again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from wanllmdb.sdk.client import BLOCK, Client, StoreRefusal
from wanllmdb.sdk.console import Tell
from wanllmdb.sdk.transfer import hashes, upload_plan, worker_pool
from wanllmdb.sdk.transfer.hashes import HashedFile

HANDS = 6
# Addresses live an hour: so few are asked for at a time that they are used long before, as a rule.
PLACES_A_CALL = 256


class Place:
    """Where one object goes. An address that has expired is replaced by a fresh one."""

    def __init__(self, client: Client, version_id: str, wanted: dict[str, Any], answer: dict[str, Any]) -> None:
        self._client = client
        self._version_id = version_id
        self._wanted = wanted
        self._answer = answer
        self._lock = threading.Lock()
        self._etags: dict[int, str] = {part["number"]: part["etag"] for part in self.parts if part["etag"]}

    @property
    def is_there(self) -> bool:
        return bool(self._answer["state"] == "uploaded")

    @property
    def parts(self) -> list[dict[str, Any]]:
        return list(self._answer.get("parts") or ())

    def put(self, body: Callable[[], Iterable[bytes]], length: int, part: int | None = None) -> None:
        """Send the object, or one part of it. Raises `StoreRefusal`, `Unreachable`."""
        for last_try in (False, False, True):
            answer = self._answer
            if self.is_there:
                return
            address = answer if part is None else answer["parts"][part - 1]
            try:
                etag = self._client.put(address["url"], address["headers"], body, length)
            except StoreRefusal as refusal:
                if last_try or not refusal.expired:
                    raise
                self._renew(answer)
            else:
                if part is not None:
                    self._etags[part] = etag
                return

    def _renew(self, stale: dict[str, Any]) -> None:
        with self._lock:
            if self._answer is stale:
                (self._answer,) = _ask(self._client, self._version_id, [self._wanted])

    @property
    def finished(self) -> dict[str, Any]:
        """What finalizing wants to hear of an object in parts."""
        parts = [{"number": number, "etag": etag} for number, etag in sorted(self._etags.items())]
        return {"id": self._answer["id"], "parts": parts}


def send(client: Client, version_id: str, plan: upload_plan.Plan, tell: Tell) -> list[dict[str, Any]]:
    """Bring everything planned to the store, and return what finalizing wants to hear of it.

    Raises `FileChanged`, `Unreachable`, and what the server refuses. Sending again goes on where it stopped.
    """
    finished = []
    with worker_pool.Crew(HANDS) as workers:
        for file in plan.large:
            (place,) = _places(client, version_id, [file])
            finished.append(place)
            for part in place.parts:
                if part["etag"]:
                    tell(part["size"])
                else:
                    workers.submit(_send_part, place, file, part["number"], part["offset"], part["size"], tell)
        for pack in plan.packs:
            workers.submit(_send_pack, client, version_id, pack, tell)
        for files in _batches(plan.single):
            for file, place in zip(files, _places(client, version_id, files), strict=True):
                workers.submit(_send_file, place, file, tell)
    return [place.finished for place in finished if not place.is_there]


def _batches(files: Iterable[HashedFile]) -> Iterator[list[HashedFile]]:
    remaining = iter(files)
    while batch := list(islice(remaining, PLACES_A_CALL)):
        yield batch


def _ask(client: Client, version_id: str, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = client.post(f"/artifacts/versions/{version_id}/uploads", {"objects": wanted}, repeatable=True)
    return list(answer["objects"])


def _places(client: Client, version_id: str, files: list[HashedFile]) -> list[Place]:
    wanted = [upload_plan.wanted(file) for file in files]
    answers = _ask(client, version_id, wanted)
    return [Place(client, version_id, each, answer) for each, answer in zip(wanted, answers, strict=True)]


def _send_pack(client: Client, version_id: str, files: list[HashedFile], tell: Tell) -> None:
    pack = upload_plan.build(files)
    wanted = pack.wanted
    (answer,) = _ask(client, version_id, [wanted])
    place = Place(client, version_id, wanted, answer)
    place.put(lambda: pack.blocks, pack.size)
    tell(pack.size)


def _send_file(place: Place, file: HashedFile, tell: Tell) -> None:
    if place.is_there:
        tell(file.size)
    else:
        _put_checked(place, file, 0, file.size, None, tell)


def _send_part(place: Place, file: HashedFile, number: int, offset: int, size: int, tell: Tell) -> None:
    _put_checked(place, file, offset, size, number, tell)


def _put_checked(place: Place, file: HashedFile, offset: int, size: int, part: int | None, tell: Tell) -> None:
    """Send a stretch of the file, unless it is another file by now than the one that was hashed."""
    if not hashes.unchanged(file):
        raise upload_plan.changed(file)
    try:
        place.put(_body(file, offset, size, tell), size, part)
    except StoreRefusal as refusal:
        # The address is bound to the hash: bytes that changed under way are refused by the store itself.
        if not hashes.unchanged(file):
            raise upload_plan.changed(file) from refusal
        raise
    if not hashes.unchanged(file):
        raise upload_plan.changed(file)


def _body(file: HashedFile, offset: int, size: int, tell: Tell) -> Callable[[], Iterator[bytes]]:
    told = 0

    def blocks() -> Iterator[bytes]:
        nonlocal told
        tell(-told)
        told = 0
        with hashes.opened(file.source) as source:
            source.seek(offset)
            while told < size:
                worker_pool.heed()
                block = source.read(min(BLOCK, size - told))
                if not block:
                    raise upload_plan.changed(file)
                yield block
                told += len(block)
                tell(len(block))

    return blocks
