"""A process that used the library ends by itself, whatever happened. With the originals it did not."""

import signal
import subprocess
import sys
import time

import pytest

from wanllmdb import records
from wanllmdb.records import errors
from wanllmdb.sdk.errors import Invalid, Unreachable

SCRIPT = """
import asyncio, sys
from wanllmdb import records

async def main():
    async with records.connect(sys.argv[1]) as manager:
        await manager.save(records.ArtifactIn(data={{"content": {{1, 2}}}}))
        print("saved", flush=True)
        {end}

asyncio.run(main())
"""
UNCLOSED = """
import asyncio, sys
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from wanllmdb.records import ArtifactIn, ArtifactManager, ArtifactRepository
from wanllmdb.records.models import Artifact

async def main():
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")
    async with engine.begin() as conn:
        await conn.run_sync(Artifact.metadata.create_all)
    async with AsyncSession(engine) as session:
        print((await ArtifactManager(ArtifactRepository(session)).save(ArtifactIn(data=1))).data)

asyncio.run(main())
"""


def start(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("end", "code"), [("pass", 0), ("raise ValueError('mine')", 1), ("sys.exit(3)", 3), ("await asyncio.sleep(0)", 0)]
)
def test_a_process_ends(tmp_path, end, code):
    for address in ("sqlite://:memory:", f"sqlite:///{tmp_path}/data.db"):
        process = start(SCRIPT.format(end=end), address)
        out, error = process.communicate(timeout=300)
        assert (process.returncode, out) == (code, "saved\n"), error
        assert "ResourceWarning" not in error
        assert ("ValueError: mine" in error) == (code == 1)
    assert [path.name for path in tmp_path.iterdir()] == ["data.db"]


def test_a_process_that_is_interrupted_ends(tmp_path):
    process = start(SCRIPT.format(end="await asyncio.sleep(1000)"), f"sqlite:///{tmp_path}/data.db")
    assert process.stdout.readline() == "saved\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert "KeyboardInterrupt" in error
    assert process.returncode in (1, 130, -signal.SIGINT)
    assert [path.name for path in tmp_path.iterdir()] == ["data.db"]


def test_a_process_that_closes_nothing_ends():
    process = start(UNCLOSED)
    out, error = process.communicate(timeout=300)
    assert (process.returncode, out) == (0, "1\n"), error


async def test_what_cannot_be_opened_is_said(tmp_path):
    (tmp_path / "text.db").write_text("This is no database, though it is long enough to look like one." * 20)
    with pytest.raises(Invalid, match="cannot be opened: file is not a database"):
        async with records.connect(f"sqlite:///{tmp_path}/text.db"):
            pass
    with pytest.raises(Unreachable, match=r"No connection to postgresql\+psycopg://u:\*\*\*@127\.0\.0\.1:9/d"):
        async with records.connect("postgresql://u:secret@127.0.0.1:9/d"):
            pass
    with pytest.raises(Invalid):
        async with records.connect("mysql://u:secret@localhost/d"):
            pass


async def test_tables_of_another_program_are_left_alone(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "data.db") as connection:
        connection.execute("CREATE TABLE artifacts (id TEXT PRIMARY KEY, data BLOB)")
    connection.close()
    with pytest.raises(Invalid, match="another program"):
        async with records.connect(f"sqlite:///{tmp_path}/data.db"):
            pass


def test_every_public_name_is_there_and_a_missing_package_is_named():
    assert {name for name in records.__all__ if getattr(records, name) is None} == set()
    assert set(records.__all__) <= set(dir(records))
    with pytest.raises(AttributeError):
        _ = records.nope
    script = """
import sys
sys.modules["aiosqlite"] = sys.modules["sqlalchemy"] = None
from wanllmdb import records
try:
    records.connect
except ImportError as error:
    print(type(error).__name__, error)
"""
    process = start(script)
    out, error = process.communicate(timeout=300)
    assert out == 'PackageMissing Records need sqlalchemy, which is not installed: pip install "wanllmdb[records]"\n', (
        error
    )
    assert issubclass(errors.PackageMissing, ImportError)


def test_the_import_of_the_sdk_and_of_typed_data_loads_no_database():
    script = """
import sys
import wanllmdb
assert not any(name.startswith("wanllmdb.records") for name in sys.modules)
from wanllmdb.records import typed_data, ArtifactHierarchy
print({"sqlalchemy", "aiosqlite", "pandas", "polars", "numpy", "pyarrow", "django", "psycopg"} & set(sys.modules))
"""
    process = start(script)
    assert process.communicate(timeout=300) == ("set()\n", "")
