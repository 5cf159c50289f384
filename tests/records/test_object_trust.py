"""Which pickled objects are loaded: those of this installation, and whose bytes nobody has changed."""

import hashlib
import math
import re
import stat
import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import update
from ulid import ULID

from wanllmdb import records
from wanllmdb.records import ArtifactIn, errors, objects, signatures
from wanllmdb.records.models import Payload
from wanllmdb.records.repository import PayloadInfo
from wanllmdb.sdk.errors import Invalid


class Hostile:
    """Leaves a trace where it is loaded."""

    loaded = 0

    def __reduce__(self):
        return (_load_hostile, ())


def _load_hostile():
    Hostile.loaded += 1
    return Hostile()


async def save_hostile(address):
    async with records.connect(address) as manager:
        return (await manager.save(ArtifactIn(data={"content": Hostile(), "name": "a"}))).id


async def test_a_pickle_of_this_installation_is_loaded(address):
    id = await save_hostile(address)
    before = Hostile.loaded
    async with records.connect(address) as manager:
        assert isinstance((await manager.find_by_id(id)).data["content"], Hostile)
    assert Hostile.loaded == before + 1


async def test_a_pickle_of_another_installation_is_refused(address, monkeypatch, tmp_path):
    id = await save_hostile(address)
    before = Hostile.loaded
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    async with records.connect(address) as manager:
        for load in (manager.find_by_id(id), manager.find_all(), manager.build_tree(id)):
            with pytest.raises(errors.PickleRefused, match="allow_pickle=True"):
                await load
        assert (await manager.find_by_id(id, load_objects=False)).data["name"] == "a"
        # With a key of its own it is no different.
        await manager.save(ArtifactIn(data=Hostile()))
        with pytest.raises(errors.PickleRefused):
            await manager.find_by_id(id)
    assert Hostile.loaded == before
    async with records.connect(address, allow_pickle=True) as manager:
        await manager.find_by_id(id)
    assert Hostile.loaded == before + 1


async def test_a_tampered_pickle_is_refused(address):
    id = await save_hostile(address)
    before = Hostile.loaded
    async with records.connect(address) as manager:
        payload = (await manager.repository.find([id]))[0].payloads[0]
        (content,) = await manager.repository.read_payloads([payload])
        for changes in (
            {"content": content + b"."},
            {"content": content.replace(b"_load_hostile", b"_load_hostilf")},
            {"content": content, "signature": "hmac-sha256:" + "0" * 64},
            {"content": content, "signature": ""},
        ):
            async with manager.repository._database.writing(alone=True) as connection:
                await connection.execute(update(Payload).values(changes))
            with pytest.raises(errors.PickleRefused):
                await manager.find_by_id(id)
    assert Hostile.loaded == before


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("object", "application/x-npy"),
        ("object", "application/vnd.wanllmdb.value+json"),
        ("frame", "application/vnd.apache.parquet"),
        ("data", "application/json"),
    ],
)
def test_bytes_of_another_form_are_corrupt_whatever_reads_them(kind, content_type):
    """A reader's own advice would be to unpickle them."""
    content = b"\x93garbage"
    payload = PayloadInfo("1", ULID(), "", kind, content_type, len(content), hashlib.sha256(content).hexdigest())
    with pytest.raises(errors.CorruptPayload, match=f"are no {re.escape(content_type)}"):
        objects.decode(None, [(payload, content)])


async def test_bytes_that_have_changed_are_refused(address):
    async with records.connect(address) as manager:
        saved = await manager.save(ArtifactIn(data={"content": b"abc"}))
        async with manager.repository._database.writing(alone=True) as connection:
            await connection.execute(update(Payload).values(content=b"abd"))
        with pytest.raises(errors.CorruptPayload, match="have changed"):
            await manager.find_by_id(saved.id)


async def test_well_known_values_are_not_pickled(address):
    """So they are loaded by whoever reads the database."""
    async with records.connect(address) as manager:
        data = [datetime.now(timezone.utc), {1, 2}, b"x", np.arange(3), math.inf, Decimal(1)]
        saved = await manager.save(ArtifactIn(data=data))
        (stored,) = await manager.repository.find([saved.id])
        assert "application/x-pickle" not in {payload.content_type for payload in stored.payloads}
        assert {payload.signature for payload in stored.payloads} == {""}


async def test_the_key_is_the_users_own(address):
    assert not signatures.key_path().exists()
    await save_hostile(address)
    path = signatures.key_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["records.key"]
    signature = signatures.sign(b"a")
    assert signatures.is_valid(b"a", signature)
    assert not signatures.is_valid(b"b", signature)
    path.chmod(0o644)
    with pytest.raises(Invalid, match="Others can read or change the key"):
        signatures.sign(b"a")


def test_a_key_can_be_given(monkeypatch, tmp_path):
    monkeypatch.setenv("WANLLMDB_RECORDS_KEY", "a secret of our own")
    signature = signatures.sign(b"a")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    assert signatures.is_valid(b"a", signature)
    assert not signatures.key_path().exists()
    monkeypatch.setenv("WANLLMDB_RECORDS_KEY", "short")
    with pytest.raises(ValueError, match="too short"):
        signatures.sign(b"a")


def test_a_key_that_cannot_be_kept_is_an_error(monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "/dev/null")
    with pytest.raises(ValueError, match="WANLLMDB_RECORDS_KEY"):
        signatures.sign(b"a")


def test_a_model_saved_in_one_process_predicts_in_another(tmp_path):
    save = """
import asyncio, sys
from sklearn.linear_model import LinearRegression
from wanllmdb import records

async def main():
    async with records.connect(sys.argv[1]) as manager:
        model = LinearRegression().fit([[1, 2], [2, 3], [3, 4]], [3, 5, 7])
        saved = await manager.save(records.ArtifactIn(data={"content": model, "name": "sum"}))
        print(saved.id)

asyncio.run(main())
"""
    load = """
import asyncio, sys
from wanllmdb import records

async def main():
    async with records.connect(sys.argv[1]) as manager:
        found = await manager.find_by_id(sys.argv[2])
        print(found.data["name"], round(found.data["content"].predict([[5, 6]])[0], 6))

asyncio.run(main())
"""
    address = f"sqlite:///{tmp_path}/models.db"

    def run(script, *arguments):
        command = [sys.executable, "-W", "error", "-c", script, address, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.strip()

    assert run(load, run(save)) == "sum 11.0"
