"""Small contents, which the cache keeps together in packs."""

import os
import struct
from pathlib import Path

import pytest

from tests.sdk.local_cache.conftest import sha256
from wanllmdb.sdk.local_cache import content_eviction
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.progress import Phase

BIG = b"weights " * (256 << 10)


def test_many_small_contents_are_a_single_file_in_the_cache(machine):
    several = {sha256(content): content for content in (b"%d" % number for number in range(1000))}
    machine.add_small(*several.values())
    assert len(machine.files()) == 1
    sizes = {digest: len(content) for digest, content in several.items()}
    assert dict(machine.open().read_small(sizes)) == several
    absent = {sha256(b"absent"): 6}
    assert dict(machine.open().read_small(absent)) == {}
    assert dict(machine.open().read_small({digest: size + 1 for digest, size in sizes.items()})) == {}


def test_a_few_small_contents_are_a_file_each(machine):
    machine.add_small(b"one", b"two", b"one")
    assert len(machine.files()) == 2
    assert machine.fetch(b"one")


def test_whether_all_is_here_is_known_without_reading_it(machine):
    several = [b"%d" % number for number in range(300)]
    machine.add_small(*several)
    machine.add(BIG)
    entries = [Entry("path", len(content), sha256(content)) for content in (BIG, *several)]
    assert machine.open().has_all(entries)
    for absent in (b"absent", BIG + b"absent"):
        assert not machine.open().has_all([*entries, Entry("path", len(absent), sha256(absent))])
    assert not machine.open().has_all([Entry("path", 1, None)])
    assert not machine.open().has_all([Entry("path", 2, sha256(several[0]))])


def test_more_than_memory_should_hold_becomes_several_packs(machine):
    several = [os.urandom(60_000) for _ in range(600)]
    machine.add_small(*several)
    assert len([path for path in machine.files() if path.suffix == ".pack"]) == 2
    packed = dict(machine.open().read_small({sha256(content): len(content) for content in several}))
    assert len(packed) + len(machine.files()) - 2 == len(several)
    assert all(packed.get(sha256(content)) == content or machine.fetch(content) for content in several)


@pytest.mark.parametrize("position", [0, -1, -9, -100], ids=["content", "mark", "count", "record"])
def test_a_broken_pack_gives_no_wrong_bytes(machine, position):
    several = {sha256(content): content for content in (b"content %d" % number for number in range(1000))}
    machine.add_small(*several.values())
    [pack] = machine.files()
    whole = bytearray(pack.read_bytes())
    whole[position] ^= 255
    pack.write_bytes(whole)
    sizes = {digest: len(content) for digest, content in several.items()}
    found = dict(machine.open().read_small(sizes))
    assert len(found) < len(several)
    assert found.items() <= several.items()
    assert dict(machine.open().read_small(sizes)).items() <= several.items()


def written_pack(machine, *records, count=None) -> Path:
    """A pack that another program wrote: ten bytes of content, and these records."""
    (machine.path / "packs").mkdir(parents=True)
    path = machine.path / "packs" / "0.pack"
    table = b"".join(struct.pack(">32sQI", bytes.fromhex(sha256(content)), *place) for content, *place in records)
    path.write_bytes(b"0123456789" + table + struct.pack(">Q8s", count or len(records), b"wLLMpck1"))
    return path


def test_a_content_that_a_pack_lists_twice_is_read_once(machine):
    written_pack(machine, (b"0123", 0, 4), (b"0123", 0, 4))
    assert list(machine.open().read_small({sha256(b"0123"): 4})) == [(sha256(b"0123"), b"0123")]
    assert machine.open().has_all([Entry("a", 4, sha256(b"0123"))])


@pytest.mark.parametrize(
    "place", [(7, 4), (2**63, 4), (2**64 - 1, 4), (0, 2**32 - 1)], ids=["over", "2**63", "2**64", "4 GiB"]
)
def test_a_record_that_leads_out_of_its_pack_is_not_followed(machine, place):
    path = written_pack(machine, (b"0123", *place), (b"45", 4, 2))
    assert list(machine.open().read_small({sha256(b"0123"): place[1], sha256(b"45"): 2})) == []
    [cached] = content_eviction.scan(machine.path)
    assert not content_eviction.is_correct(cached, Phase("verifying"))
    assert path.exists()


@pytest.mark.parametrize("count", [2, 2**20, 2**63, 2**64 - 1])
def test_a_pack_with_fewer_records_than_it_says_has_none(machine, count):
    written_pack(machine, (b"0123", 0, 4), count=count)
    assert list(machine.open().read_small({sha256(b"0123"): 4})) == []
