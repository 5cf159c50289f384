"""What an import refuses of a source, and what it needs."""

import base64
import hashlib
import http.server
import sys
import threading
from types import SimpleNamespace

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.cli import import_command
from wanllmdb.sdk.wandb_import import manifest, runs, source, transfer
from wanllmdb.sdk.wandb_import.report import Item

MD5 = base64.b64encode(hashlib.md5(b"bytes").digest()).decode()


def artifact_of(**contents: dict) -> SimpleNamespace:
    document = {"contents": contents}
    return SimpleNamespace(manifest=SimpleNamespace(to_manifest_json=lambda: document))


def build(**contents: dict) -> manifest.Manifest:
    return manifest.build(artifact_of(**contents), lambda id: None, lambda note: None)


@pytest.mark.parametrize("module", [None, SimpleNamespace(), SimpleNamespace(__version__="0.18.7")])
def test_the_official_client_must_be_there_and_new_enough(monkeypatch, module):
    monkeypatch.setitem(sys.modules, "wandb", module)
    with pytest.raises(errors.Invalid, match="pip install"):
        source.load_client()


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "a\0b", ""])
def test_a_path_that_leads_out_of_a_directory_is_refused(path):
    with pytest.raises(errors.InvalidPath):
        build(**{path: {"digest": MD5, "size": 5}})


@pytest.mark.parametrize(
    "entry",
    [
        {"digest": MD5},
        {"digest": MD5, "size": -1},
        {"digest": "short", "size": 5},
        {"size": 5},
        {"digest": MD5, "size": 5, "extra": {"digestAlgorithm": "MANIFEST_XXH128"}},
    ],
)
def test_an_entry_that_cannot_be_checked_is_refused(entry):
    with pytest.raises(source.SourceError):
        build(a=entry)


def test_references_to_other_versions_are_translated():
    uri = f"wandb-artifact://{b'Artifact:1'.hex()}/sub/a.txt"
    notes: list[str] = []
    contents = {"a": {"digest": MD5, "ref": uri, "birthArtifactID": "x"}, "b": {"digest": "s3://b", "ref": "s3://b"}}
    contents["c"] = {"digest": MD5, "ref": uri}
    ids = {base64.b64encode(b"Artifact:1").decode(): base64.b64encode(b"Artifact:2").decode()}
    asked: list[str] = []
    built = manifest.build(artifact_of(**contents), lambda id: asked.append(id) or ids[id], notes.append)
    assert len(asked) == 1
    assert f"wandb-artifact://{b'Artifact:2'.hex()}/sub/a.txt".encode() in built.content
    assert b"birthArtifactID" not in built.content
    assert not notes
    manifest.build(artifact_of(**contents), lambda id: None, notes.append)
    assert notes == [f"{path} refers to a version that was not copied, and leads nowhere" for path in ("a", "c")]


class Liar(http.server.BaseHTTPRequestHandler):
    """Sends ten bytes to who has the key, and says so to who has none."""

    def do_GET(self) -> None:
        body = b"0123456789" if self.headers["Authorization"] else b"no key    "
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class Denying(Liar):
    def do_GET(self) -> None:
        self.send_error(403)


def test_a_download_has_the_size_that_was_said_and_the_key_stays_at_the_source(tmp_path, monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        path = tmp_path / "file"
        download = source.Downloader(url, "key").download
        download("/files/a", path, 10)
        assert path.read_bytes() == b"0123456789"
        download(f"http://localhost:{server.server_port}/files/a", path, 10)
        assert path.read_bytes() == b"no key    "
        with pytest.raises(source.SourceError, match="more than the 9 bytes"):
            download("/files/a", path, 9)
        with pytest.raises(source.SourceError, match="only 10 of 11 bytes"):
            download("/files/a", path, 11)
        # Nor does it go to another port of the host, where `wandb login` has stored it for the host.
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login user password key")
        monkeypatch.setenv("NETRC", str(netrc))
        source.Downloader("http://127.0.0.1:1", "key").download(f"{url}/files/a", path, 10)
        assert path.read_bytes() == b"no key    "
        server.shutdown()


@pytest.mark.parametrize("path", ["/denied?signature=secret", "http://[", "http://127.0.0.1:1/a?signature=secret"])
def test_what_is_not_sent_is_told_without_the_url_that_others_could_read_it_by(tmp_path, path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Denying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        download = source.Downloader(f"http://127.0.0.1:{server.server_port}", None).download
        with pytest.raises(source.SourceError, match="does not send a file") as refusal:
            download(path, tmp_path / "file", 1)
        assert "secret" not in str(refusal.value)
        server.shutdown()


def test_files_are_on_the_disk_a_batch_at_a_time(tmp_path):
    files = [SimpleNamespace(size=size) for size in (1, 300 << 20, 1, 1)] + [SimpleNamespace(size=0)] * 150
    assert [len(batch) for batch in transfer.batches(iter(files))] == [1, 1, 100, 52]
    with pytest.raises(source.SourceError, match="has room for"):
        transfer.new_path(tmp_path, 1 << 60)


def test_a_part_that_is_nested_too_deeply_is_noted():
    """And keeps neither the others, nor the runs after it."""
    deep: dict = {}
    for _ in range(5000):
        deep = {"a": deep}
    item = Item("run", "x")
    copy = runs._Copy(None, None, SimpleNamespace(id="x"), None, item)
    copy._attempt("config", lambda: runs._to_json(deep))
    assert item.notes == ["config: it is nested too deeply"]


def test_what_the_source_says_stays_on_its_line(capsys):
    import_command._print(Item("run", "a\x1b[2J\n✓ run b", "failed", ["no\rway"]))
    assert capsys.readouterr().out == "× run a [2J ✓ run b: failed\n    no way\n"
