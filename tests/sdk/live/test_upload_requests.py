"""What a log sends: as few requests as there can be, and no bytes twice, wherever a process was killed before."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import draft_files, http_client, version_bases
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.progress import Transfer
from wanllmdb.sdk.transfer import hashes, upload_plan

PROGRAM = """
import os, signal, sys, threading
import wanllmdb as wandb
from wanllmdb.sdk import http_client
from wanllmdb.sdk.transfer import upload, upload_plan
project, data, dies_at, arrives = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "True"
upload_plan.MAX_PACK_SIZE = upload_plan.MIN_PACK_SIZE = 20_000
upload.MAX_PACK_BYTES_PER_REQUEST = 60_000
send, lock, count = http_client.Client._send, threading.Lock(), 0

def send_or_die(self, purpose, method, url, **options):
    global count
    if method == "GET" or "/runs" in url:
        return send(self, purpose, method, url, **options)
    with lock:
        count += 1
        if count == dies_at and not arrives:
            os.kill(os.getpid(), signal.SIGKILL)
        response = send(self, purpose, method, url, **options)
        if purpose == "store":
            print(options["headers"]["Content-Length"], flush=True)
        if count == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

http_client.Client._send = send_or_die
with wandb.init(project=project) as run:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir(data)
    run.log_artifact(artifact)
"""


class Requests(list[tuple[str, str, int]]):
    """What this process sent: method, the last two parts of the path, and length of the body."""

    @property
    def to_server(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self if method != "PUT"]

    @property
    def to_store(self) -> list[int]:
        return [size for method, _, size in self if method == "PUT"]


@pytest.fixture
def sent(monkeypatch) -> Requests:
    requests = Requests()
    send = http_client.Client._send

    def record(self, purpose, method, url, **options):
        body = options.get("body") or b""
        size = len(body) if isinstance(body, bytes) else int(options["headers"]["Content-Length"])
        path = url.partition("?")[0]
        # What the program prints is sent by another thread.
        if not path.endswith("/console"):
            requests.append((method, "/".join(path.split("/")[-2:]), size))
        return send(self, purpose, method, url, **options)

    monkeypatch.setattr(http_client.Client, "_send", record)
    return requests


@pytest.fixture
def data(tmp_path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:03}.bin").write_bytes(os.urandom(1_000))
    return folder


def log(run, data: Path) -> wandb.Artifact:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir(data)
    return run.log_artifact(artifact)


def test_many_small_files_are_few_requests(run, data, sent, monkeypatch):
    monkeypatch.setattr(upload_plan, "MAX_PACK_SIZE", 70_000)
    sent.clear()
    log(run, data)
    assert [path.split("/")[-1] for _, path in sent.to_server] == ["artifacts", "artifacts", "uploads", "finalize"]
    assert len(sent.to_store) == 5
    assert sum(sent.to_store) == 300_000


def test_files_that_are_logged_again_are_stated_by_their_digest(run, data, sent, monkeypatch):
    monkeypatch.setattr("wanllmdb.sdk.local_cache.file_hashes._YOUNG_NS", -(10**12))
    monkeypatch.setattr("wanllmdb.sdk.local_cache.file_hashes._YOUNG_BY_COARSE_CLOCK_NS", -(10**12))
    version = log(run, data).version
    sent.clear()
    assert log(run, data).version == version
    assert [path.split("/")[-1] for _, path in sent.to_server] == ["artifacts", "versions", "finalize"]
    assert sum(size for _, _, size in sent) < 2_000
    # Another artifact has to state them, and sends no bytes either.
    sent.clear()
    artifact = wandb.Artifact("copy", "dataset")
    artifact.add_dir(data)
    run.log_artifact(artifact)
    assert [path.split("/")[-1] for _, path in sent.to_server] == ["artifacts", "artifacts", "finalize"]
    assert sent.to_store == []


def test_of_a_changed_directory_the_changed_bytes_are_sent(run, data, sent):
    log(run, data)
    (data / "007.bin").write_bytes(os.urandom(1_234))
    sent.clear()
    assert log(run, data).version == "v2"
    assert sent.to_store == [1_234]


def test_a_file_that_changed_unseen_is_noticed_when_it_is_sent(run, data, monkeypatch):
    """Its hashes are forgotten then, so that the next log finds it as it is."""
    monkeypatch.setattr("wanllmdb.sdk.local_cache.file_hashes._to_columns", lambda fingerprint: (1, 2, 3, 4, 5))
    monkeypatch.setattr("wanllmdb.sdk.local_cache.file_hashes._is_settled", lambda fingerprint, read_at_ns: True)
    monkeypatch.setattr("wanllmdb.sdk.local_files._FRESH_NS", 0)
    draft = Draft("data", "dataset", None, None)
    draft.add_dir(data)
    draft_files.read(run._connection, draft, Transfer("data"))
    (data / "007.bin").write_bytes(os.urandom(1_000))
    with pytest.raises(wandb.FileChanged, match=r"007\.bin changed while it was being logged; nothing was logged"):
        log(run, data)
    assert log(run, data).version == "v1"


@pytest.fixture
def program(bob, project, data) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Log the data in a process that dies at a request, before it is sent or when it has arrived."""

    def start(dies_at: int = 0, *, arrives: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, project, str(data), str(dies_at), str(arrives)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    return start


@pytest.mark.parametrize(
    ("dies_at", "arrives"),
    [(1, False), (1, True), (2, True), (4, False), (4, True), (9, True), (20, False), (22, False), (22, True)],
)
def test_a_process_that_is_killed_at_any_request_has_sent_nothing_in_vain(program, project, data, dies_at, arrives):
    first = program(dies_at, arrives=arrives)
    assert first.returncode < 0, first.stderr
    # An attempt that goes on with what arrived is interrupted too.
    second = program(4, arrives=arrives)
    last = program()
    assert last.returncode == 0, last.stderr
    sizes = [int(line) for attempt in (first, second, last) for line in attempt.stdout.split() if line.isdigit()]
    assert sum(sizes) == 300_000
    artifact = wandb.Api().artifact(f"{project}/data:latest")
    assert artifact.version == "v1"
    root = Path(artifact.download(data.with_name("down")))
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {
        path.name: path.read_bytes() for path in data.iterdir()
    }


# --- From a base ------------------------------------------------------------------------------------------------------


@pytest.fixture
def based(monkeypatch) -> None:
    """Versions of few files are begun from a base too."""
    monkeypatch.setattr(version_bases, "MIN_FILES", 1)


def manifest(project: str, selector: str = "latest") -> dict[str, tuple[str, bool]]:
    entries = wandb.Api().artifact(f"{project}/data:{selector}").manifest
    return {entry.path: (entry.sha256, entry.executable) for entry in entries}


def expected(data: Path) -> dict[str, tuple[str, bool]]:
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), bool(path.stat().st_mode & 0o100))
        for path in data.iterdir()
    }


def test_what_changed_is_stated_and_the_rest_copied_from_the_version_before(run, project, data, sent, based):
    log(run, data)
    (data / "000.bin").write_bytes(b"changed")
    (data / "new.bin").write_bytes(b"new")
    (data / "001.bin").unlink()
    (data / "002.bin").chmod(0o755)
    sent.clear()
    assert log(run, data).version == "v2"
    (begun,) = [size for method, path, size in sent if path.endswith("/versions")]
    assert begun < 2_000
    assert [path.split("/")[-1] for _, path in sent.to_server] == ["artifacts", "versions", "uploads", "finalize"]
    assert sent.to_store == [10]
    assert manifest(project) == expected(data)


def test_a_base_that_was_deleted_is_done_without(run, project, data, based):
    version = log(run, data)
    (data / "000.bin").write_bytes(b"changed")
    version.delete(delete_aliases=True)
    assert log(run, data).version == "v2"
    assert manifest(project) == expected(data)


def test_files_of_which_most_changed_are_stated(run, project, data, sent, based):
    log(run, data)
    for number in range(200):
        (data / f"{number:03}.bin").write_bytes(os.urandom(10))
    sent.clear()
    log(run, data)
    (begun,) = [size for method, path, size in sent if path.endswith("/versions")]
    assert begun > 20_000
    assert manifest(project) == expected(data)


def test_a_base_that_this_machine_knows_wrongly_is_done_without(run, project, data, based):
    logged = log(run, data)
    wrong = hashes.hash_files([("other.bin", str(data / "000.bin"))])
    files = hashes.hash_files((path.name, str(path)) for path in data.iterdir() if path.name != "005.bin")
    record = {"id": logged._state.record["id"], "artifact_id": logged._state.record["artifact_id"], "digest": "00" * 32}
    version_bases.remember(run._connection, record, [*files, *wrong], [])
    (data / "000.bin").write_bytes(b"changed")
    (data / "005.bin").unlink()
    assert log(run, data).version == "v2"
    assert manifest(project) == expected(data)


def test_references_are_stated(run, project, data, based):
    for _ in "ab":
        artifact = wandb.Artifact("data", "dataset")
        artifact.add_dir(data)
        artifact.add_reference("https://example.org/labels.csv", name="labels.csv", checksum=False)
        run.log_artifact(artifact)
    (data / "000.bin").write_bytes(b"changed")
    assert log(run, data).version == "v2"
    assert manifest(project) == expected(data)
