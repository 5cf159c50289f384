"""Files of one pack, asked for one by one: after the first ones the store is not asked any more."""

import os
from concurrent.futures import Future

import pytest

from artifacts import storage
from artifacts.content import downloads, pack_cache
from artifacts.errors import Missing
from artifacts.models import ArtifactFile, StoredObject
from tests.artifacts.client import at_once, log

BODIES = {f"{number}.bin": os.urandom(100 + number) for number in range(8)}


@pytest.fixture
def files(bob, artifact) -> list[ArtifactFile]:
    version = log(bob, artifact, BODIES | {"empty": b""}, packed=True)
    return list(version.files.select_related("blob__object").order_by("path"))


def read(file: ArtifactFile, offset: int = 0, length: int | None = None) -> bytes:
    return downloads.passed_on(file, f"file {file.pk}", offset, length)


def test_every_file_of_a_pack_is_right(files):
    for _ in range(3):
        for file in files:
            assert read(file) == BODIES.get(file.path, b"")
    assert read(files[3], 10, 20) == BODIES["3.bin"][10:30]
    assert read(files[3], 100) == BODIES["3.bin"][100:]


def test_the_store_is_asked_for_the_first_ones_alone(files):
    for file in files[:3]:
        read(file)
    storage.delete_file(StoredObject.objects.get(kind="pack").key)

    for file in files:
        assert read(file) == BODIES.get(file.path, b"")


def test_a_pack_that_is_gone_is_asked_for_again(files):
    key = StoredObject.objects.get(kind="pack").key
    whole = b"".join(storage.download_file(key))
    storage.delete_file(key)
    for file in files[:6]:
        with pytest.raises(Missing):
            read(file)
    storage.upload_file(key, whole)

    assert [read(file) for file in files[:6]] == [BODIES[file.path] for file in files[:6]]


def test_a_pack_that_takes_long_is_not_waited_for(files, monkeypatch):
    monkeypatch.setattr(pack_cache, "_MAX_WAIT_SECONDS", 0.01)
    downloads._packs._packs[StoredObject.objects.get(kind="pack").key] = Future()

    assert read(files[0]) == BODIES[files[0].path]


def test_few_packs_are_kept(bob, artifact, monkeypatch):
    monkeypatch.setattr(pack_cache, "MAX_PACKS", 1)
    versions = [log(bob, artifact, {f"{n}-{m}": os.urandom(9) for m in range(4)}, packed=True) for n in range(3)]
    for version in versions:
        for file in version.files.select_related("blob__object"):
            read(file)

    assert len(downloads._packs._packs) == 1


def test_large_packs_are_not_read_whole(files, monkeypatch):
    monkeypatch.setattr(pack_cache, "MAX_PACK", 100)
    for file in files:
        assert read(file) == BODIES.get(file.path, b"")
    assert not downloads._packs._packs


def test_many_who_ask_at_once_get_the_same_bytes(files):
    bodies = at_once(*[lambda file=file: read(file) for file in files for _ in range(3)])

    assert bodies == [BODIES.get(file.path, b"") for file in files for _ in range(3)]
