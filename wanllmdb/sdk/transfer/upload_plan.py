"""How contents travel: small files together in packs, middling ones alone, large ones in parts.

Planned from the contents alone: logging again after a crash plans the same objects, and finds those that arrived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.hashes import MIB, HashedFile

PACK_SIZE = 16 * MIB
PACK_MEMBERS = 2_000


@dataclass
class Plan:
    """What to send. Contents that several files share are in it once."""

    large: list[HashedFile] = field(default_factory=list)
    single: list[HashedFile] = field(default_factory=list)
    packs: list[list[HashedFile]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(file.size for file in (*self.large, *self.single, *(file for pack in self.packs for file in pack)))


def plan(files: Iterable[HashedFile]) -> Plan:
    """Files below 1 MiB into packs of at most 16 MiB and 2,000 members, in the order of their paths."""
    contents = {file.sha256: file for file in sorted(files, key=lambda file: file.path, reverse=True)}
    made = Plan()
    pack: list[HashedFile] = []
    size = 0
    for file in sorted(contents.values(), key=lambda file: file.path):
        if file.parts:
            made.large.append(file)
        elif file.size >= hashes.SMALL:
            made.single.append(file)
        else:
            if pack and (size + file.size > PACK_SIZE or len(pack) == PACK_MEMBERS):
                made.packs.append(pack)
                pack, size = [], 0
            pack.append(file)
            size += file.size
    if pack:
        made.packs.append(pack)
    # A pack of one is a file; and one of nothing but an empty file could not be read by ranges.
    made.single += [pack[0] for pack in made.packs if len(pack) == 1]
    made.packs = [pack for pack in made.packs if len(pack) > 1]
    return made


@dataclass(frozen=True)
class Pack:
    """The bytes of many small files, and where each of them starts."""

    blocks: list[bytes]
    """Of about 1 MiB each: one piece for each file would be sent one by one, one for all would be copied once more."""
    members: list[dict[str, Any]]

    @property
    def size(self) -> int:
        return sum(map(len, self.blocks))

    @property
    def wanted(self) -> dict[str, Any]:
        whole = hashlib.sha256()
        for block in self.blocks:
            whole.update(block)
        return {"kind": "pack", "sha256": whole.hexdigest(), "size": self.size, "members": self.members}


def build(files: Iterable[HashedFile]) -> Pack:
    """Read the files together. Raises `FileChanged` for one that is not what was hashed."""
    blocks: list[bytes] = []
    members = []
    pending: list[bytes] = []
    offset = held = 0
    for file in files:
        with hashes.opened(file.source) as source:
            piece = source.read(file.size + 1) or b""
        if hashlib.sha256(piece).hexdigest() != file.sha256:
            raise changed(file)
        members.append({"sha256": file.sha256, "size": file.size, "offset": offset})
        pending.append(piece)
        offset += file.size
        held += file.size
        if held >= MIB:
            blocks.append(b"".join(pending))
            pending, held = [], 0
    return Pack([*blocks, b"".join(pending)], members)


def wanted(file: HashedFile) -> dict[str, Any]:
    """A file that travels alone, as `…/uploads` is asked for it."""
    alone: dict[str, Any] = {"kind": "file", "sha256": file.sha256, "size": file.size}
    return {**alone, "part_size": file.part_size, "parts": list(file.parts)} if file.parts else alone


def changed(file: HashedFile) -> errors.FileChanged:
    return errors.FileChanged(f"{file.source} changed while it was being logged; nothing was logged")
