import hashlib
import os

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.transfer import hashes, upload_plan
from wanllmdb.sdk.transfer.hashes import MIB, HashedFile, Stamp


def stated(path: str, size: int, sha256: str | None = None, parts: int = 0) -> HashedFile:
    """A file as hashing leaves it; planning looks at no more."""
    sha256 = sha256 or hashlib.sha256(path.encode()).hexdigest()
    return HashedFile(path, f"/data/{path}", size, sha256, Stamp(size, 0, 0, 0), 32 * MIB, ("00",) * parts)


def test_small_files_share_packs_and_others_travel_alone():
    plan = upload_plan.plan(
        [
            stated("s1", 10),
            stated("s2", MIB - 1),
            stated("m1", MIB),
            stated("m2", 64 * MIB),
            stated("l", 65 * MIB, parts=3),
        ]
    )
    assert [[file.path for file in pack] for pack in plan.packs] == [["s1", "s2"]]
    assert [file.path for file in plan.single] == ["m1", "m2"]
    assert [file.path for file in plan.large] == ["l"]
    assert plan.size == 10 + MIB - 1 + MIB + 64 * MIB + 65 * MIB


def test_a_pack_has_two_thousand_members_at_most():
    plan = upload_plan.plan(stated(f"{number:05}", 1) for number in range(4_500))
    assert [len(pack) for pack in plan.packs] == [2_000, 2_000, 500]


def test_a_pack_has_sixteen_mebibytes_at_most():
    plan = upload_plan.plan(stated(f"{number:05}", MIB - 1) for number in range(40))
    assert all(sum(file.size for file in pack) <= 16 * MIB for pack in plan.packs)
    assert sum(len(pack) for pack in plan.packs) == 40


def test_a_pack_of_one_is_a_file():
    plan = upload_plan.plan([stated("only", 0)])
    assert (plan.packs, [file.path for file in plan.single]) == ([], ["only"])


def test_the_same_bytes_travel_once():
    plan = upload_plan.plan([stated("b", 5, "aa"), stated("a", 5, "aa"), stated("c", 5, "bb")])
    assert [[file.path for file in pack] for pack in plan.packs] == [["a", "c"]]


def test_the_plan_does_not_depend_on_the_order():
    files = [stated(str(number), number * 1000) for number in range(500)]
    assert upload_plan.plan(files) == upload_plan.plan(reversed(files))


def test_a_pack_is_its_members_one_after_the_other(tmp_path):
    contents = {"a": b"", "b": os.urandom(1000), "c": b"x"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = hashes.hash_files((name, str(tmp_path / name)) for name in contents)
    pack = upload_plan.build(files)
    assert b"".join(pack.blocks) == b"".join(contents.values())
    assert [(member["offset"], member["size"]) for member in pack.members] == [(0, 0), (0, 1000), (1000, 1)]
    assert pack.wanted["sha256"] == hashlib.sha256(b"".join(contents.values())).hexdigest()


def test_a_file_that_changed_since_it_was_hashed_is_in_no_pack(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"one")
    files = hashes.hash_files([("a.csv", str(path))])
    path.write_bytes(b"two")
    with pytest.raises(errors.FileChanged, match=r"a\.csv changed while it was being logged; nothing was logged"):
        upload_plan.build(files)
