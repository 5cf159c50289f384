"""How files are uploaded: small ones together in packs, medium ones alone, of large ones the pieces that are missing.

The plan depends on the contents alone: logging again after a crash makes the same plan and finds what has arrived.
Packs end after contents that are chosen by their hashes: where some packs are there already, the others stay the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby
from operator import attrgetter
from typing import Any, NamedTuple

from wanllmdb.sdk import errors
from wanllmdb.sdk.cancellation import raise_if_cancelled
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.chunks import Piece
from wanllmdb.sdk.transfer.hashes import MIB, HashedFile

MAX_PACK_SIZE = 4 * MIB
MIN_PACK_SIZE = 3 * MIB
MAX_PACK_MEMBERS = 8_192
MAX_PIECE_PACK_SIZE = 32 * MIB
MAX_PIECE_PACK_MEMBERS = 8_192
# Of so many bytes beyond the minimum about one is the last of its pack.
_ENDS_EVERY = 256 * 1024


@dataclass
class UploadPlan:
    """What to upload. Contents that several files share are included once."""

    large: list[HashedFile] = field(default_factory=list)
    single: list[HashedFile] = field(default_factory=list)
    packs: list[list[HashedFile]] = field(default_factory=list)
    piece_packs: list[PiecePack] = field(default_factory=list)

    @property
    def size(self) -> int:
        """In bytes."""
        files = (*self.large, *self.single, *(file for pack in self.packs for file in pack))
        return sum(file.size for file in files) + sum(pack.size for pack in self.piece_packs)

    @property
    def file_count(self) -> int:
        in_pieces = sum(pack.file_count for pack in self.piece_packs)
        return len(self.large) + len(self.single) + sum(map(len, self.packs)) + in_pieces


class FilePiece(NamedTuple):
    """A piece of a file, and where it begins there."""

    file: HashedFile
    offset: int
    piece: Piece


@dataclass
class PiecePack:
    """Pieces of large files that are uploaded together, one after another: read from the files while they are sent."""

    pieces: list[FilePiece] = field(default_factory=list)
    size: int = 0
    file_count: int = 0
    """Of files whose last pieces are in it."""

    def has_room(self, piece: Piece) -> bool:
        return not self.pieces or (
            self.size + piece.size <= MAX_PIECE_PACK_SIZE and len(self.pieces) < MAX_PIECE_PACK_MEMBERS
        )


def make_plan(files: Iterable[HashedFile], missing: Set[str] = frozenset()) -> UploadPlan:
    """Files below 1 MiB go into packs of at most 4 MiB and 8,192 members, in the order of their paths.

    Of a file in pieces those go into packs that are `missing`, by their sha256; or all of it in parts, if it is itself.
    """
    contents: dict[str, HashedFile] = {}
    for file in sorted(files, key=lambda file: file.path):
        first = contents.setdefault(file.sha256, file)
        if not first.source:  # kept from an earlier version: not on this machine
            contents[file.sha256] = replace(file, path=first.path)
    plan = UploadPlan()
    pack: list[HashedFile] = []
    size = 0
    in_pieces = [file for file in contents.values() if file.pieces and file.sha256 not in missing]
    plan.piece_packs = _pack_pieces(in_pieces, missing)
    for file in contents.values():
        if file.pieces and file.sha256 not in missing:
            continue
        if file.size > hashes.MULTIPART_ABOVE and not file.parts:
            plan.large.append(hashes.with_parts(file))
        elif file.parts:
            plan.large.append(file)
        elif file.size >= hashes.PACK_BELOW:
            plan.single.append(file)
        else:
            if pack and (size + file.size > MAX_PACK_SIZE or len(pack) == MAX_PACK_MEMBERS):
                plan.packs.append(pack)
                pack, size = [], 0
            pack.append(file)
            size += file.size
            if size >= MIN_PACK_SIZE and _may_end_pack(file):
                plan.packs.append(pack)
                pack, size = [], 0
    if pack:
        plan.packs.append(pack)
    # A pack of one file is uploaded as a file. A pack with only an empty file could not be read by ranges.
    plan.single += [pack[0] for pack in plan.packs if len(pack) == 1]
    plan.packs = [pack for pack in plan.packs if len(pack) > 1]
    return plan


def _pack_pieces(files: Iterable[HashedFile], missing: Set[str]) -> list[PiecePack]:
    """Each missing piece once, in the order of the files."""
    packs: list[PiecePack] = []
    planned: set[str] = set()
    for file in files:
        offset = 0
        for piece in file.pieces:
            if piece.sha256 in missing and piece.sha256 not in planned:
                planned.add(piece.sha256)
                if not packs or not packs[-1].has_room(piece):
                    packs.append(PiecePack())
                packs[-1].pieces.append(FilePiece(file, offset, piece))
                packs[-1].size += piece.size
            offset += piece.size
        if packs and packs[-1].pieces[-1].file is file:
            packs[-1].file_count += 1
    return packs


def read_pieces(pack: PiecePack) -> Iterator[bytes]:
    """The bytes of the pack, in blocks. Raises `FileChanged`."""
    for file, group in groupby(pack.pieces, key=attrgetter("file")):
        with hashes.open_source(file.source) as source:
            for _, offset, piece in group:
                source.seek(offset)
                remaining = piece.size
                while remaining:
                    raise_if_cancelled()
                    block = source.read(min(hashes.BLOCK_SIZE, remaining))
                    if not block:
                        raise file_changed_error(file)
                    yield block
                    remaining -= len(block)


def _may_end_pack(file: HashedFile) -> bool:
    return int(file.sha256[:8], 16) * _ENDS_EVERY < file.size << 32


@dataclass(frozen=True)
class Pack:
    """The bytes of many small files, one after another in the order of their paths.

    The server knows which they are by the first and the last of the paths: they are all contents below 1 MiB between
    them that the draft waits for.
    """

    blocks: list[bytes]
    """Of about 1 MiB each: a block for each file would make many small writes, a single block another copy."""
    size: int
    first: str
    last: str
    file_count: int


def build_pack(files: Sequence[HashedFile]) -> Pack:
    """Read the files into one pack. Raises `FileChanged` if the bytes of one differ from the hashed ones."""
    blocks: list[bytes] = []
    buffer: list[bytes] = []
    buffered = 0
    for file in files:
        content, file.content = file.content, None
        buffer.append(_read(file) if content is None else content)
        buffered += file.size
        if buffered >= MIB:
            blocks.append(b"".join(buffer))
            buffer, buffered = [], 0
    blocks.append(b"".join(buffer))
    return Pack(blocks, sum(map(len, blocks)), files[0].path, files[-1].path, len(files))


def _read(file: HashedFile) -> bytes:
    with hashes.open_source(file.source) as source:
        content = source.read(file.size + 1) or b""
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise file_changed_error(file)
    return content


def to_request(item: HashedFile | Pack | PiecePack) -> dict[str, Any]:
    """A pack, or a file or piece that is uploaded alone, in the body of an uploads request."""
    if isinstance(item, PiecePack):
        return _pieces_to_request(item)
    if isinstance(item, Pack):
        sha256 = hashlib.sha256()
        for block in item.blocks:
            sha256.update(block)
        about = {"kind": "pack", "sha256": sha256.hexdigest(), "size": item.size}
        return {**about, "first": item.first, "last": item.last, "count": item.file_count}
    request: dict[str, Any] = {"kind": "file", "sha256": item.sha256, "size": item.size}
    return {**request, "part_size": item.part_size, "parts": list(item.parts)} if item.parts else request


def _pieces_to_request(pack: PiecePack) -> dict[str, Any]:
    if len(pack.pieces) == 1:
        return {"kind": "file", "sha256": pack.pieces[0].piece.sha256, "size": pack.size}
    offsets = accumulate((piece.size for _, _, piece in pack.pieces), initial=0)
    members = [
        {"sha256": piece.sha256, "size": piece.size, "offset": offset}
        for (_, _, piece), offset in zip(pack.pieces, offsets, strict=False)
    ]
    return {"kind": "pack", "sha256": _sha256(pack), "size": pack.size, "members": members}


def _sha256(pack: PiecePack) -> str:
    file = pack.pieces[0].file
    if tuple(piece for _, _, piece in pack.pieces) == file.pieces:
        return file.sha256  # it is all of the file
    sha256 = hashlib.sha256()
    for block in read_pieces(pack):
        sha256.update(block)
    return sha256.hexdigest()


def file_changed_error(file: HashedFile) -> errors.FileChanged:
    return errors.FileChanged(f"{file.source} changed while it was being logged; nothing was logged")
