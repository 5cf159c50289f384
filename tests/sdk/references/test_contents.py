"""References are read whole and as they were recorded, or not at all."""

import hashlib
import os
from pathlib import Path

import pytest

import wanllmdb as wandb
from harness import reference_servers
from harness.reference_servers import Bucket, WebSite, web_site
from tests.sdk.network import Handler, serve
from wanllmdb.sdk import reference_uris
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.references import contents, entries, stores, web_requests
from wanllmdb.sdk.references.contents import Reader

VARIABLES = ("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR_HOST")
CONTENT = os.urandom(3_000_000)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith(VARIABLES)]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(contents, "cancellable_sleep", lambda seconds: None)
    monkeypatch.setattr(web_requests, "cancellable_sleep", lambda seconds: None)


@pytest.fixture(scope="module")
def site():
    with web_site() as site:
        yield site


def read(entry: Entry, url: str | None = None) -> bytes:
    """What arrives at the last writer; the returned hash is that of it."""
    received: list[bytearray] = []

    def new_writer():
        received.append(bytearray())
        return received[-1].extend

    reader = Reader()
    try:
        sha256 = reader.read(entry, new_writer, url)
    finally:
        reader.close()
    assert sha256 == hashlib.sha256(received[-1]).hexdigest()
    return bytes(received[-1])


def of(uri: str, identity: str = "", size: int = 0, version_id: str = "") -> Entry:
    return Entry("a", size, None, reference_uri=uri, reference_identity=identity, version_id=version_id)


# --- Stores -----------------------------------------------------------------------------------------------------------


def s3_with_versions() -> Bucket:
    return reference_servers.s3_bucket(is_versioned=True)


BUCKETS = {
    "S3": reference_servers.s3_bucket,
    "S3 with versions": s3_with_versions,
    "GCS": reference_servers.gcs_bucket,
    "Azure": reference_servers.azure_container,
}


@pytest.mark.parametrize("name", BUCKETS)
def test_an_object_of_a_store(name, monkeypatch):
    bucket = BUCKETS[name]()
    for variable, value in bucket.env.items():
        monkeypatch.setenv(variable, value)
    bucket.put("data/a b.bin", CONTENT)
    (entry,) = entries.of_uri(f"{bucket.uri}/data/a b.bin")
    listed = [item for item in entries.of_uri(f"{bucket.uri}/data/") if item.path == "a b.bin"]
    assert [read(item) for item in (entry, *listed)] == [CONTENT] * 2
    bucket.put("data/a b.bin", b"x" * len(CONTENT))
    if name == "S3 with versions":
        assert read(entry) == CONTENT
    else:
        # Google gives versions to objects also where it keeps only the last one.
        message = r"its version \w+ is not kept any more" if entry.version_id else r"its etag is .* and was"
        with pytest.raises(wandb.ReferenceChanged, match=f"is not the object that was logged: {message}"):
            read(entry)
    unpinned = of(f"{bucket.uri}/data/a b.bin", entry.reference_identity, entry.size)
    with pytest.raises(wandb.ReferenceChanged, match="its etag is"):
        read(unpinned)
    with pytest.raises(wandb.ReferenceUnreachable, match="does not exist") as missing:
        read(of(f"{bucket.uri}/absent"))
    assert missing.value.uris == [f"{bucket.uri}/absent"] and missing.value.paths == ["a"]
    hashed = of(f"{bucket.uri}/data/a b.bin", f"md5:{hashlib.md5(CONTENT).hexdigest()}")
    with pytest.raises(wandb.ReferenceChanged, match=r"its md5 is \w+ now, and was"):
        read(hashed)


def test_a_store_without_credentials_or_library(monkeypatch):
    bucket = reference_servers.s3_bucket()
    bucket.put("a", b"a")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.env["AWS_ENDPOINT_URL_S3"])
    for key in ("", "wrong"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key or "someone")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush-secret")
        with pytest.raises(wandb.ReferenceUnreachable) as refusal:
            read(of(f"{bucket.uri}/a"))
        assert "hush" not in str(refusal.value)
    monkeypatch.setattr("wanllmdb.sdk.references.stores.import_module", _refuse)
    with pytest.raises(wandb.ReferenceUnreachable, match=r"pip install wanllmdb\[references\]"):
        read(of(f"{bucket.uri}/a"))


def test_a_signature_of_azure_goes_to_its_own_account_only(monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "mine")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sv=2021&sig=secret")
    uris = {
        "az://container/key": False,
        "https://mine.blob.core.windows.net/container/key": False,
        "https://theirs.blob.core.windows.net/container/key": True,
    }
    for uri, is_skipped in uris.items():
        config = stores.open_store(reference_uris.parse(uri)).config
        assert str(config.get("skip_signature", False)).lower() == str(is_skipped).lower(), uri


def _refuse(name: str):
    raise ImportError(name)


# --- The web ----------------------------------------------------------------------------------------------------------


def test_a_web_object_and_its_changes(site: WebSite):
    site.files["/a"] = CONTENT
    (entry,) = entries.of_uri(f"{site.url}/a")
    assert read(entry) == CONTENT
    alone = of(f"{site.url}/a?sig=secret")
    assert read(alone) == CONTENT
    site.files["/a"] = b"other"
    assert read(alone) == b"other"
    with pytest.raises(wandb.ReferenceChanged, match="its etag is") as change:
        read(of(f"{site.url}/a?sig=secret", entry.reference_identity, entry.size))
    assert "secret" not in str(change.value) and change.value.uris == [f"{site.url}/a"]
    day = "Fri, 01 May 2026 12:00:00 GMT"
    site.headers["/a"] = {"Last-Modified": day}
    assert read(of(f"{site.url}/a", "modified:2026-05-01T12:00:00Z", 5)) == b"other"
    for identity, size in (("modified:2026-05-01T12:00:01Z", 5), ("modified:2026-05-01T12:00:00Z", 6), ("etag:x", 5)):
        with pytest.raises(wandb.ReferenceChanged):
            read(of(f"{site.url}/a", identity, size))
    with pytest.raises(wandb.ReferenceChanged, match="it has 5 bytes now, and had 4"):
        read(of(f"{site.url}/a", "", 4))
    assert read(of(f"{site.url}/a", f"sha256:{hashlib.sha256(b'other').hexdigest()}")) == b"other"


def test_what_a_web_server_refuses(site: WebSite, monkeypatch):
    monkeypatch.setattr(web_requests, "READ_TIMEOUT", 0.2)
    site.files |= {"/denied": b"", "/broken": b""}
    site.statuses |= {("GET", "/denied"): 403, ("GET", "/broken"): 500}
    site.silent.add("/silent")
    expected = {
        "/absent": "does not exist any more: the server answered 404",
        "/denied": "the server answered 403",
        "/broken": "the server answered 500",
        "/silent": "stopped responding",
    }
    for path, message in expected.items():
        with pytest.raises(wandb.ReferenceUnreachable, match=message) as refusal:
            read(of(f"{site.url}{path}?X-Amz-Signature=secret"))
        assert "secret" not in str(refusal.value)
    for uri in ("hdfs://cluster/a", "s3:/x", "http://user:secret@127.0.0.1/a", "http://169.254.169.254/latest"):
        with pytest.raises(wandb.ReferenceUnreachable) as refusal:
            read(of(uri))
        assert "user:secret" not in str(refusal.value)


def test_redirects_lead_nowhere_private(site: WebSite, monkeypatch):
    site.files |= {"/target": b"1234", "/moved": b"", "/loop": b"", "/file": b"", "/inside": b"", "/plain": b""}
    targets = {"/moved": "/target", "/loop": "/loop", "/file": "file:///etc/passwd", "/inside": "http://10.0.0.1/x"}
    for path, target in targets.items():
        site.headers[path] = {"Location": target}
        site.statuses["GET", path] = 302
    assert read(of(f"{site.url}/moved")) == b"1234"
    for path in ("/loop", "/file"):
        with pytest.raises(wandb.ReferenceUnreachable, match="its redirects lead nowhere"):
            read(of(f"{site.url}{path}"))
    # This machine plays a public one.
    addresses = web_requests.addresses_of
    public = web_requests.ipaddress.ip_address("93.184.215.14")
    monkeypatch.setattr(web_requests, "addresses_of", lambda host: [public] if host == "127.0.0.1" else addresses(host))
    with pytest.raises(wandb.ReferenceUnreachable, match=r"redirects to http://10\.0\.0\.1, which is in a private net"):
        read(of(f"{site.url}/inside"))
    client = web_requests.WebClient()
    with pytest.raises(wandb.ReferenceUnreachable, match="which is not encrypted"):
        client._redirected("https://a.example/x", "https://a.example/x", "http://b.example/")


class _PartsHandler(Handler):
    """Sends 1,000,000 bytes at most before it hangs up. `/moving` is another object each time, and `/whole` knows no
    ranges."""

    def do_GET(self) -> None:
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        if self.path == "/whole":
            start = 0
        etag = f'"{len(self.server.requests)}"' if self.path == "/moving" else '"fixed"'
        self.send_response(206 if start else 200)
        self.send_header("ETag", etag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        sent = 5_000_000 if self.path == "/whole" and len(self.server.requests) > 1 else 1_000_000
        self.wfile.write(CONTENT[start : start + sent])
        self.close_connection = True


def test_a_broken_connection_is_resumed_if_it_is_the_same_object():
    with serve(_PartsHandler) as server:
        assert read(of(f"{server.url}/a", "etag:fixed", len(CONTENT))) == CONTENT
        assert len(server.requests) >= 3
        server.requests.clear()
        assert read(of(f"{server.url}/whole", "etag:fixed", len(CONTENT))) == CONTENT
        assert len(server.requests) == 2
        server.requests.clear()
        with pytest.raises(wandb.ReferenceChanged, match="its etag is 2 now, and was 1"):
            read(of(f"{server.url}/moving", "etag:1", len(CONTENT)))


def test_an_address_that_the_server_signed(site: WebSite):
    site.files["/signed"] = b"bytes"
    (known,) = entries.of_uri(f"{site.url}/signed")
    entry = of("s3://a-bucket/that/nobody/opens", known.reference_identity, known.size)
    assert read(entry, f"{site.url}/signed?X-Amz-Signature=secret") == b"bytes"
    site.statuses["GET", "/signed"] = 403
    with pytest.raises(contents.SignatureExpired) as expired:
        read(entry, f"{site.url}/signed?X-Amz-Signature=secret")
    assert "secret" not in str(expired.value)
    site.headers["/signed"] = {"Location": f"{site.url}/target"}
    site.statuses["GET", "/signed"] = 302
    with pytest.raises(wandb.ReferenceUnreachable, match="the server answered 302"):
        read(entry, f"{site.url}/signed")


# --- Files of this machine --------------------------------------------------------------------------------------------


def test_files_of_this_machine_only_by_their_hash(tmp_path: Path):
    file = tmp_path / "a b.txt"
    file.write_bytes(CONTENT)
    (entry,) = entries.of_uri(file.as_uri())
    assert read(entry) == CONTENT
    assert read(of(file.as_uri(), f"md5:{hashlib.md5(CONTENT).hexdigest()}")) == CONTENT
    for identity in ("", "etag:x", "modified:2026-05-01T12:00:00Z"):
        with pytest.raises(wandb.ReferenceUnreachable, match="copied only if their sha256 was recorded"):
            read(of(file.as_uri(), identity))
    file.write_bytes(CONTENT[::-1])
    with pytest.raises(wandb.ReferenceChanged, match="its sha256 is"):
        read(entry)
    file.write_bytes(b"short")
    with pytest.raises(wandb.ReferenceChanged, match="it has 5 bytes now, and had 3,000,000"):
        read(entry)
    os.mkfifo(tmp_path / "pipe")
    for name, message in {"pipe": "not a regular file", "absent": "No such file", "": "directory"}.items():
        with pytest.raises(wandb.ReferenceUnreachable, match=message):
            read(of((tmp_path / name).as_uri(), entry.reference_identity))
