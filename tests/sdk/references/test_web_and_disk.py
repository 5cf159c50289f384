"""References to what web servers and the disks of this machine have."""

import hashlib

import pytest

import wanllmdb as wandb
from harness.reference_servers import WebSite, web_site
from wanllmdb.sdk.references import entries, web_requests

DAY = "Fri, 01 May 2026 12:00:00 GMT"


@pytest.fixture(scope="module")
def site():
    with web_site() as site:
        yield site


@pytest.fixture
def artifact():
    return wandb.Artifact("data", "dataset")


def test_the_etag_or_the_time_of_the_last_change_identifies_a_web_object(site: WebSite, artifact):
    site.files |= {"/a.csv": b"1,2", "/dated.csv": b"3", "/weak.csv": b"", "/nothing.csv": b"4"}
    site.headers |= {"/dated.csv": {"Last-Modified": DAY}, "/weak.csv": {"ETag": 'W/"x"'}, "/nothing.csv": {}}
    (tagged,) = artifact.add_reference(f"{site.url}/a.csv?page=1")
    etag = hashlib.md5(b"1,2").hexdigest()
    assert (tagged.path, tagged.size, tagged.reference_identity) == ("a.csv", 3, f"etag:{etag}")
    assert tagged.ref == f"{site.url}/a.csv?page=1"
    (dated,) = artifact.add_reference(f"{site.url}/dated.csv", name="x/y.csv")
    assert (dated.path, dated.reference_identity, dated.etag) == ("x/y.csv", "modified:2026-05-01T12:00:00Z", None)
    (weak,) = artifact.add_reference(f"{site.url}/weak.csv")
    assert (weak.etag, weak.size) == ("W/x", 0)
    with pytest.raises(wandb.Invalid, match=r"neither an ETag nor the time of the last change.*or checksum=False"):
        artifact.add_reference(f"{site.url}/nothing.csv?token=secret")
    (alone,) = artifact.add_reference(f"{site.url}/nothing.csv?token=secret", checksum=False, size=1)
    assert (alone.reference_identity, alone.digest, alone.size) == ("", None, 1)
    assert alone.ref.endswith("?token=secret")


def test_redirects_and_servers_that_refuse_head(site: WebSite, artifact):
    site.files |= {"/target": b"1234", "/moved": b"", "/loop": b"", "/away": b"", "/signed": b"55"}
    site.headers |= {"/moved": {"Location": "/target"}, "/loop": {"Location": "/loop"}}
    site.headers |= {"/away": {"Location": "file:///etc/passwd"}}
    site.statuses |= {(method, path): 302 for method in ("HEAD", "GET") for path in ("/moved", "/loop", "/away")}
    site.statuses[("HEAD", "/signed")] = 403
    (moved,) = artifact.add_reference(f"{site.url}/moved")
    assert (moved.path, moved.ref, moved.size) == ("moved", f"{site.url}/moved", 4)
    (signed,) = artifact.add_reference(f"{site.url}/signed")
    assert (signed.size, signed.etag) == (2, hashlib.md5(b"55").hexdigest())
    for path in ("/loop", "/away"):
        with pytest.raises(wandb.ReferenceUnreachable, match="its redirects lead nowhere"):
            artifact.add_reference(site.url + path)


def test_what_a_web_server_refuses(site: WebSite, artifact, monkeypatch):
    monkeypatch.setattr(web_requests, "MAX_ATTEMPTS", 1)
    monkeypatch.setattr(web_requests, "READ_TIMEOUT", 0.2)
    site.files["/denied"] = site.files["/broken"] = b""
    site.statuses |= {("HEAD", "/denied"): 403, ("GET", "/denied"): 403, ("HEAD", "/broken"): 500}
    site.silent.add("/silent")
    with pytest.raises(wandb.NotFound, match="does not exist: the server answered 404"):
        artifact.add_reference(f"{site.url}/absent?sig=secret")
    expected = {"/denied": "answered 403", "/broken": "answered 500", "/silent": "stopped responding"}
    for path, message in expected.items():
        with pytest.raises(wandb.ReferenceUnreachable, match=message) as refusal:
            artifact.add_reference(f"{site.url}{path}?sig=secret")
        assert refusal.value.uris == [site.url + path] and "secret" not in str(refusal.value)
    with pytest.raises(wandb.ReferenceUnreachable, match="connection refused"):
        artifact.add_reference("http://127.0.0.1:1/a")
    assert artifact.file_count == 0


def test_files_and_directories_of_this_machine(artifact, tmp_path, monkeypatch):
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/a b.txt").write_text("a")
    (tmp_path / "in/sub/empty").touch()
    (single,) = artifact.add_reference((tmp_path / "in/a b.txt").as_uri())
    digest = hashlib.sha256(b"a").hexdigest()
    assert (single.path, single.size, single.digest) == ("a b.txt", 1, f"sha256:{digest}")
    assert single.sha256 is None
    found = artifact.add_reference((tmp_path / "in").as_uri(), name="folder")
    assert sorted((entry.path, entry.ref) for entry in found) == [
        ("folder/a b.txt", (tmp_path / "in/a b.txt").as_uri()),
        ("folder/sub/empty", (tmp_path / "in/sub/empty").as_uri()),
    ]
    with pytest.raises(wandb.Invalid, match=r"There are 2 files in .*, more than max_objects=1; none was added"):
        artifact.add_reference((tmp_path / "in").as_uri(), max_objects=1)
    with pytest.raises(wandb.NotFound, match="does not exist"):
        artifact.add_reference((tmp_path / "absent").as_uri())
    with pytest.raises(wandb.NotFound, match="There is no file in"):
        (tmp_path / "bare").mkdir()
        artifact.add_reference((tmp_path / "bare").as_uri())


def test_one_name_for_two_things_is_refused(artifact, tmp_path):
    uri = "s3://bucket/data/a.txt"
    artifact.add_reference(uri, checksum=False)
    artifact.add_reference(uri, md5_hash="0" * 32)  # the same object, as it is now
    assert [entry.digest for entry in artifact.manifest] == [f"md5:{'0' * 32}"]
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.txt.d").mkdir()
    (tmp_path / "a.txt.d/x").touch()
    for add in (
        lambda: artifact.add_reference("s3://bucket/other/a.txt", checksum=False),
        lambda: artifact.add_reference("s3://bucket/b", name="a.txt/b", checksum=False),
        lambda: artifact.add_file(tmp_path / "a.txt"),
        lambda: artifact.add_dir(tmp_path / "a.txt.d", name="a.txt"),
        lambda: artifact.new_file("a.txt").__enter__(),
    ):
        with pytest.raises(wandb.PathTaken):
            add()
    assert [file.path for file in artifact.files()] == ["a.txt"]
    artifact.add_file(tmp_path / "a.txt", overwrite=True)
    with pytest.raises(wandb.PathTaken):
        artifact.add_reference(uri, checksum=False)
    artifact.remove("a.txt")
    artifact.add_reference(uri, name="folder/a.txt", checksum=False)
    (entry,) = artifact.manifest
    artifact.add_reference(entry, name="again", checksum=False)
    artifact.remove("folder")
    assert [(file.path, file.is_reference) for file in artifact.files()] == [("again", True)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"uri": "hdfs://cluster/a"}, "cannot be opened: only s3, gs, az, https, http, file can"),
        ({"uri": "hdfs://cluster/a", "checksum": False}, "pass checksum=False and a name"),
        ({"uri": "hdfs://cluster/a", "name": "a", "md5_hash": "0" * 32}, "pass checksum=False and a name"),
        ({"uri": "s3://bucket/k", "md5_hash": "xyz"}, "md5_hash takes the hash in hexadecimal"),
        ({"uri": "s3://bucket/k", "sha256_hash": "0" * 63}, "sha256_hash takes the hash in hexadecimal"),
        ({"uri": "s3://bucket/folder/", "md5_hash": "0" * 32}, "names a folder"),
        ({"uri": "s3://bucket", "checksum": False}, "has no file name: pass a name"),
        ({"uri": "https://example.org", "checksum": False}, "has no file name: pass a name"),
        ({"uri": "s3://bucket/k", "size": -1}, "size takes a number of bytes"),
        ({"uri": "s3://bucket/k", "max_objects": 0}, "max_objects takes a number from 1"),
        ({"uri": "s3://bucket/k", "name": "../k", "checksum": False}, "is not a valid path"),
        ({"uri": "s3://bucket/k", "name": "folder/", "checksum": False}, "names a folder"),
        ({"uri": 5}, "uri takes a text"),
        ({"uri": "s3://bucket/k", "checksum": "no"}, "checksum takes True or False"),
    ],
    ids=[str(number) for number in range(14)],
)
def test_arguments_that_mean_nothing(artifact, arguments, message):
    with pytest.raises(wandb.Invalid, match=message):
        artifact.add_reference(**arguments)
    assert artifact.file_count == 0


def test_a_size_that_differs_from_the_object_is_refused(artifact, tmp_path):
    (tmp_path / "a.txt").write_text("abc")
    with pytest.raises(wandb.Invalid, match="has 3 bytes, not 4 bytes"):
        artifact.add_reference((tmp_path / "a.txt").as_uri(), size=4)
    assert entries.of_uri((tmp_path / "a.txt").as_uri(), size=3)[0].size == 3
