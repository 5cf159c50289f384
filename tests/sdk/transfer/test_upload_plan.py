import hashlib
import os
from dataclasses import replace

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.transfer import hashes, upload_plan
from wanllmdb.sdk.transfer.hashes import MIB, FileFingerprint, HashedFile


def hashed_file(path: str, size: int, sha256: str | None = None, parts: int = 0) -> HashedFile:
    """A file with what a plan depends on."""
    sha256 = sha256 or hashlib.sha256(path.encode()).hexdigest()
    return HashedFile(path, f"/data/{path}", size, sha256, FileFingerprint(size, 0, 0, 0), 32 * MIB, ("00",) * parts)


def test_small_files_share_packs_and_larger_ones_are_uploaded_alone():
    plan = upload_plan.make_plan(
        [
            hashed_file("s1", 10),
            hashed_file("s2", MIB - 1),
            hashed_file("m1", MIB),
            hashed_file("m2", 64 * MIB),
            hashed_file("l", 65 * MIB, parts=3),
        ]
    )
    assert [[file.path for file in pack] for pack in plan.packs] == [["s1", "s2"]]
    assert [file.path for file in plan.single] == ["m1", "m2"]
    assert [file.path for file in plan.large] == ["l"]
    assert plan.size == 10 + MIB - 1 + MIB + 64 * MIB + 65 * MIB


def test_a_pack_has_at_most_so_many_members():
    plan = upload_plan.make_plan(hashed_file(f"{number:05}", 1) for number in range(20_000))
    assert [len(pack) for pack in plan.packs] == [8_192, 8_192, 3_616]


@pytest.mark.parametrize("size", [1_000, 100_000, MIB - 1])
def test_a_pack_has_at_most_four_mebibytes(size):
    count = 40 * MIB // size
    plan = upload_plan.make_plan(hashed_file(f"{number:05}", size) for number in range(count))
    sizes = [sum(file.size for file in pack) for pack in plan.packs]
    assert all(3 * MIB - size <= size_of_pack <= 4 * MIB for size_of_pack in sizes[:-1])
    assert sum(len(pack) for pack in plan.packs) + len(plan.single) == count


def test_most_packs_stay_the_same_where_some_are_there_already():
    files = [hashed_file(f"{number:05}", 1_000 + number % 5_000) for number in range(30_000)]
    packs = upload_plan.make_plan(files).packs
    arrived = {file.path for pack in packs[3:20:4] for file in pack}
    again = upload_plan.make_plan(file for file in files if file.path not in arrived).packs
    assert len([pack for pack in again if pack not in packs]) <= 2


def test_a_pack_of_one_file_is_uploaded_as_a_file():
    plan = upload_plan.make_plan([hashed_file("only", 0)])
    assert (plan.packs, [file.path for file in plan.single]) == ([], ["only"])


def test_the_same_bytes_are_uploaded_once():
    plan = upload_plan.make_plan([hashed_file("b", 5, "aa"), hashed_file("a", 5, "aa"), hashed_file("c", 5, "bb")])
    assert [[file.path for file in pack] for pack in plan.packs] == [["a", "c"]]


def test_bytes_are_read_from_a_file_of_this_machine():
    kept = replace(hashed_file("a", 5, "aa"), source="")
    (file,) = upload_plan.make_plan([kept, hashed_file("b", 5, "aa")]).single
    assert (file.path, file.source) == ("a", "/data/b")


def test_the_plan_does_not_depend_on_the_order():
    files = [hashed_file(str(number), number * 1000) for number in range(500)]
    assert upload_plan.make_plan(files) == upload_plan.make_plan(reversed(files))


def test_a_pack_is_the_concatenation_of_its_members(tmp_path):
    contents = {"a": b"", "b": os.urandom(1000), "c": b"x"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = hashes.hash_files((name, str(tmp_path / name)) for name in contents)
    pack = upload_plan.build_pack(files)
    assert b"".join(pack.blocks) == b"".join(contents.values())
    assert upload_plan.to_request(pack) == {
        "kind": "pack",
        "sha256": hashlib.sha256(b"".join(contents.values())).hexdigest(),
        "size": 1001,
        "first": "a",
        "last": "c",
        "count": 3,
    }


def test_bytes_that_were_kept_are_not_read_again(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    files = hashes.hash_files([("a", str(tmp_path / "a"))], max_kept=1)
    (tmp_path / "a").unlink()
    assert upload_plan.build_pack(files).blocks == [b"one"]
    with pytest.raises(errors.FileChanged):
        upload_plan.build_pack(files)


def test_a_file_that_changed_after_hashing_is_an_error(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"one")
    files = hashes.hash_files([("a.csv", str(path))])
    path.write_bytes(b"two")
    with pytest.raises(errors.FileChanged, match=r"a\.csv changed while it was being logged; nothing was logged"):
        upload_plan.build_pack(files)
