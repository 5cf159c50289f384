"""Large files are cut the same way each time, into pieces that are all of the file, and few enough for the server."""

import hashlib
import io
import random
from pathlib import Path

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.progress import ignore_progress
from wanllmdb.sdk.transfer import chunks, hashes, upload, upload_plan
from wanllmdb.sdk.transfer.chunks import AVERAGE, CUT_FROM, MIB, Piece
from wanllmdb.sdk.transfer.hashes import HashedFile
from wanllmdb.sdk.transfer.upload_plan import FilePiece, PiecePack, UploadPlan


@pytest.fixture(params=["by content", "equally"])
def way(request, monkeypatch) -> str:
    """How files are cut: with the extra, and without it."""
    if request.param == "equally":
        monkeypatch.setattr(chunks, "find_spec", lambda name: None)
    return request.param


def write(path: Path, content: bytes) -> HashedFile:
    path.write_bytes(content)
    return hashes.hash_file(path.name, str(path), in_pieces=True)


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def sent(file: HashedFile, *known: HashedFile) -> int:
    """Bytes of the pieces that none of the others has."""
    return sum(piece.size for piece in set(file.pieces).difference(*(other.pieces for other in known)))


@pytest.mark.parametrize("size", [CUT_FROM, CUT_FROM + 1, 20 * MIB - 3])
def test_pieces_are_the_file(way, tmp_path, size):
    content = noise(size, size)
    file = write(tmp_path / "a", content)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    position, found = 0, []
    for piece in file.pieces:
        body = content[position : position + piece.size]
        found.append(Piece(hashlib.sha256(body).hexdigest(), len(body)))
        position += piece.size
    assert (tuple(found), position) == (file.pieces, size)
    assert max(piece.size for piece in file.pieces) <= 4 * AVERAGE
    assert write(tmp_path / "b", content).pieces == file.pieces


def test_smaller_files_and_those_that_are_only_read_are_not_cut(way, tmp_path):
    assert write(tmp_path / "a", bytes(CUT_FROM - 1)).pieces == ()
    write(tmp_path / "b", bytes(CUT_FROM))
    assert hashes.hash_file("b", str(tmp_path / "b")).pieces == ()


def test_a_change_in_the_middle_moves_no_other_piece(way, tmp_path):
    content = bytearray(noise(1, 24 * MIB))
    before = write(tmp_path / "a", content)
    content[12 * MIB : 13 * MIB] = noise(2, MIB)
    assert MIB <= sent(write(tmp_path / "b", content), before) <= 4 * MIB


def test_what_is_inserted_moves_only_pieces_that_are_cut_by_size(way, tmp_path):
    content = noise(1, 24 * MIB)
    before = write(tmp_path / "a", content)
    after = write(tmp_path / "b", noise(2, 1000) + content)
    assert sent(after, before) <= 4 * MIB if way == "by content" else sent(after, before) == after.size


@pytest.mark.parametrize("content", [bytes(16 * MIB), b"0123456789abcdef" * MIB])
def test_what_repeats_is_cut_too(way, tmp_path, content):
    file = write(tmp_path / "a", content)
    assert sum(piece.size for piece in file.pieces) == 16 * MIB
    assert len(set(file.pieces)) <= 2


def test_pieces_grow_with_the_file(way, tmp_path, monkeypatch):
    assert [chunks.average_for(size) for size in (CUT_FROM, 2 << 30, (2 << 30) + 1, 100 << 30, 5 << 40)] == [
        AVERAGE, AVERAGE, 2 * AVERAGE, 32 * MIB, 2048 * MIB,
    ]  # fmt: skip
    # A file of 15 MiB is one of 8 TiB here.
    monkeypatch.setattr(chunks, "AVERAGE", 1024)
    monkeypatch.setattr(chunks, "MAX_EXPECTED", 64)
    monkeypatch.setattr(chunks, "_MAX_AVERAGE", 16 * 1024)
    content = noise(1, 15 * MIB)
    file = write(tmp_path / "a", content)
    assert 16 < len(file.pieces) <= 128
    again = write(tmp_path / "b", noise(2, 10) + content)
    assert way == "equally" or sent(again, file) <= 3 * MIB


def test_a_file_that_grows_while_it_is_read_is_refused(way, tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(bytes(CUT_FROM))
    cut = chunks.cut

    def grow(file: io.FileIO, size: int):
        with path.open("ab") as other:
            other.write(b"more")
        return cut(file, size)

    monkeypatch.setattr(chunks, "cut", grow)
    with pytest.raises(errors.FileChanged):
        hashes.hash_file("a", str(path), in_pieces=True)


def test_a_file_of_too_many_pieces_is_sent_whole(way, tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "MAX_PIECES", 3)
    assert write(tmp_path / "a", noise(1, CUT_FROM)).pieces == ()


# --- What is sent of them ---


def test_missing_pieces_share_packs_and_are_sent_once(tmp_path):
    one, other = write(tmp_path / "a", noise(1, 40 * MIB)), write(tmp_path / "b", noise(2, 9 * MIB))
    copy = write(tmp_path / "c", noise(2, 9 * MIB) + b"end")
    missing = {*one.piece_hashes, *other.piece_hashes, *copy.piece_hashes}
    plan = upload_plan.make_plan([one, other, copy], missing)
    assert (plan.large, plan.single, plan.packs) == ([], [], [])
    assert plan.file_count == 3
    assert all(pack.size <= 32 * MIB for pack in plan.piece_packs)
    assert plan.size == one.size + other.size + sent(copy, other)
    sources = {file.path: Path(file.source).read_bytes() for file in (one, other, copy)}
    for pack in plan.piece_packs:
        body = b"".join(upload_plan.read_pieces(pack))
        request = upload_plan.to_request(pack)
        assert (request["sha256"], request["size"]) == (hashlib.sha256(body).hexdigest(), len(body))
        for member, (file, offset, piece) in zip(request["members"], pack.pieces, strict=True):
            content = body[member["offset"] : member["offset"] + member["size"]]
            assert hashlib.sha256(content).hexdigest() == member["sha256"] == piece.sha256
            assert sources[file.path][offset : offset + piece.size] == content


def test_a_pack_that_is_all_of_a_file_is_not_read_to_be_hashed(tmp_path):
    content = noise(1, 9 * MIB)
    file = write(tmp_path / "a", content)
    [pack] = upload_plan.make_plan([file], set(file.piece_hashes)).piece_packs
    Path(file.source).unlink()
    request = upload_plan.to_request(pack)
    assert (request["kind"], request["sha256"]) == ("pack", hashlib.sha256(content).hexdigest())
    assert len(request["members"]) == len(file.pieces) > 1


class Server:
    """Has every object that is asked for, and counts these by request."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def post(self, path: str, body: dict[str, list[object]], *, idempotent: bool) -> dict[str, list[object]]:
        self.counts.append(len(body["objects"]))
        return {"objects": [{"state": "uploaded"} for _ in body["objects"]]}


def test_the_first_requests_are_for_few_packs_and_later_ones_for_many(tmp_path):
    file, server = write(tmp_path / "a", b""), Server()
    pieces = [FilePiece(file, 0, Piece(f"{number:064x}", 32 * MIB)) for number in range(40)]
    plan = UploadPlan(piece_packs=[PiecePack([piece], 32 * MIB) for piece in pieces])
    assert upload.upload(server, "id", plan, ignore_progress) == []
    assert server.counts == [2, 4, 8, 8, 8, 8, 2]


def test_a_piece_alone_is_sent_as_a_file(tmp_path):
    file = write(tmp_path / "a", noise(1, CUT_FROM))
    piece = file.pieces[3]
    [pack] = upload_plan.make_plan([file], {piece.sha256}).piece_packs
    assert upload_plan.to_request(pack) == {"kind": "file", "sha256": piece.sha256, "size": piece.size}


def test_a_file_that_is_missing_itself_is_sent_whole(tmp_path):
    """Where it is a piece of another one, it is in one object."""
    small, large = write(tmp_path / "a", noise(1, CUT_FROM)), write(tmp_path / "b", bytes(65 * MIB))
    plan = upload_plan.make_plan([small, large], {small.sha256, large.sha256})
    assert ([file.path for file in plan.single], [file.path for file in plan.large]) == (["a"], ["b"])
    assert len(plan.large[0].parts) == 3
    assert plan.piece_packs == []
