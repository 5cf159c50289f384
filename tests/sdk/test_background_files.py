"""Media that wait for the server. What they are sent by is scripted here; live tests have a server."""

from pathlib import Path

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.run_files import background, uploads
from wanllmdb.sdk.run_files.background import BackgroundFiles


@pytest.fixture
def received(monkeypatch):
    """What arrives, by path; a failure in `failures` is raised first, and of a path in `refused` always."""

    class Received(dict):
        failures: list = []
        refused: dict = {}

    found = Received()

    def send(client, run_id, files):
        if found.failures:
            raise found.failures.pop(0)
        for path in files:
            if path in found.refused:
                raise found.refused[path]
        found.update({path: Path(source).read_bytes() for path, source in files.items()})

    monkeypatch.setattr(uploads, "send", send)
    monkeypatch.setattr(background, "SEND_DELAY", 0.01)
    return found


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def files(warnings):
    return BackgroundFiles(None, "1", warnings.append)


def test_everything_has_arrived_at_the_end(files, received, warnings, tmp_path):
    path = tmp_path / "a"
    path.write_text("as it was")
    files.add("a.txt", path)
    path.write_text("changed")
    for number in range(250):
        files.add(f"{number}.txt", str(number).encode())
    files.add("0.txt", b"later")
    files.finish()
    assert received["a.txt"] == b"as it was" and received["0.txt"] == b"later" and len(received) == 251
    assert warnings == []


def test_what_fails_is_tried_again(files, received, warnings):
    received.failures = [errors.Unreachable("away", url="x"), errors.ServerError("a bug")]
    files.add("a.txt", b"a")
    while received.failures:
        pass
    files.finish()
    assert received == {"a.txt": b"a"} and warnings == []


def test_one_file_does_not_cost_the_others(files, received, warnings):
    received.refused = {"b": errors.Invalid("no such name"), "c": errors.ServerError("the store says no")}
    for name in "abcd":
        files.add(name, name.encode())
    files.finish()
    assert sorted(received) == ["a", "d"]
    assert warnings == ["could not send b: no such name", "could not send c: the store says no"]


def test_what_cannot_be_sent_by_the_end_is_named(files, received, warnings, monkeypatch):
    monkeypatch.setattr(background, "MAX_WAITING_BYTES", 4)
    received.refused = dict.fromkeys("ab", errors.Unreachable("away", url="x"))
    files.add("a", b"abcd")
    files.add("b", b"e")
    files.finish()
    assert warnings[0] == "b is not sent: too many files wait for the server"
    assert warnings[1].startswith("1 files of the run are lost (a)")
