"""Bytes on their way to a disk: in parallel, and each file whole under its name or not there at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from wanllmdb.sdk import errors
from wanllmdb.sdk.console import Tell
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.transfer import hashes, worker_pool
from wanllmdb.sdk.transfer.download_directory import Root, Temporary
from wanllmdb.sdk.transfer.file_assembly import RANGE, Landing, Large, Piece
from wanllmdb.sdk.transfer.remote_manifest import Located, Locations

HANDS = 8
GAP = 64 * 1024
"""Reading so many unwanted bytes costs less than asking once more."""


def download(locations: Locations, root: Root, digest: str | None, tell: Tell) -> int:
    """Bring every file there, and return how many were not there already.

    Files of the right size and sha256 are kept. Raises `CorruptDownload`, `InvalidPath`, `Unreachable`.
    """
    temporary = Temporary(root.path)
    fetched = 0
    seen: list[Entry] = []
    try:
        with worker_pool.Crew(HANDS) as workers:
            for page in locations.pages():
                seen += [located.entry for located in page]
                absent = list(_absent(page, root, tell))
                fetched += len(absent)
                for object_id, pieces in _pieces(absent).items():
                    _submit(workers, Landing(locations, object_id, root, temporary, tell), pieces)
    finally:
        temporary.remove()
    _check_digest(seen, digest)
    return fetched


def _check_digest(entries: list[Entry], digest: str | None) -> None:
    """Each file was right; so must be the whole: no file too few, none too many."""
    known = [(entry.path, entry.sha256, entry.size) for entry in entries if entry.sha256]
    if digest and len(known) == len(entries) and hashes.version_digest(known) != digest:
        raise errors.CorruptDownload("The files that the server listed are not those that were logged")


def _absent(page: list[Located], root: Root, tell: Tell) -> Iterator[Located]:
    """What must be fetched: files that are not there, or are there with other bytes."""
    there: list[tuple[str, str]] = []
    same_size = {}
    for located in page:
        found = root.find(located.entry.path)
        if found and found.st_size == located.entry.size and located.entry.sha256:
            there.append((located.entry.path, root.place(located.entry.path)))
            same_size[located.entry.path] = located
        else:
            yield located
    for hashed in hashes.hash_files(there):
        located = same_size[hashed.path]
        if hashed.sha256 == located.entry.sha256:
            tell(hashed.size)
        else:
            yield located


def _pieces(absent: Iterable[Located]) -> dict[str, list[Piece]]:
    """By object, in the order in which they lie there."""
    found: dict[str, dict[tuple[int, int], Piece]] = defaultdict(dict)
    for located in absent:
        place = (located.offset, located.entry.size)
        piece = found[located.object_id].setdefault(place, Piece(located.entry, located.offset))
        piece.paths.append(located.entry.path)
    return {object_id: sorted(pieces.values(), key=lambda piece: piece.offset) for object_id, pieces in found.items()}


def runs(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Neighbours together, so that one request fetches many small files."""
    run: list[Piece] = []
    for piece in pieces:
        if run:
            gap = piece.offset - run[-1].end
            if gap < 0 or gap > GAP or piece.end - run[0].offset > RANGE:
                yield run
                run = []
        run.append(piece)
    if run:
        yield run


def _submit(workers: worker_pool.Crew, landing: Landing, pieces: list[Piece]) -> None:
    for run in runs(pieces):
        if len(run) == 1 and run[0].entry.size > RANGE:
            large = Large(landing, run[0])
            for number in range(large.count):
                workers.submit(large.fetch, number)
        else:
            workers.submit(landing.fetch, run)
