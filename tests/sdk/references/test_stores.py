"""References to objects of S3, GCS and Azure, by the variables that the tools of each store read."""

import os
import socket
import sys
import tracemalloc
from collections.abc import Iterable
from datetime import timedelta
from email.utils import formatdate
from urllib.parse import parse_qsl

import pytest

import wanllmdb as wandb
from harness import reference_servers
from harness.reference_servers import Bucket
from tests.sdk.network import Authority, Handler, ProxyHandler, serve
from wanllmdb.sdk.references import entries, store_objects, stores

VARIABLES = ("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR_HOST")
OBJECTS = {"data/a.txt": b"a", "data/sub/b c.txt": b"bb", "data/sub/empty": b"", "database.txt": b"no"}
FOLDERS = ("data/", "data/hollow/", "data/sub/")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith(VARIABLES)]:
        monkeypatch.delenv(name)


def fill(bucket: Bucket) -> Bucket:
    for key, data in OBJECTS.items():
        bucket.put(key, data)
    return bucket


@pytest.fixture(scope="module")
def buckets() -> dict[str, Bucket]:
    made = {
        "S3": reference_servers.s3_bucket(),
        "S3 with versions": reference_servers.s3_bucket(is_versioned=True),
        "GCS": reference_servers.gcs_bucket(),
        "Azure": reference_servers.azure_container(),
    }
    for bucket in made.values():
        fill(bucket)
    for name in ("S3", "S3 with versions", "GCS"):
        for folder in FOLDERS:
            made[name].put(folder, b"")
    return made


@pytest.fixture
def use(buckets, monkeypatch):
    """`use("S3")`: the bucket, to which the variables lead from now on."""

    def set_variables(name: str) -> Bucket:
        for variable, value in buckets[name].env.items():
            monkeypatch.setenv(variable, value)
        return buckets[name]

    return set_variables


STORES = ("S3", "S3 with versions", "GCS", "Azure")
KEEP_VERSIONS = ("S3 with versions", "GCS")


@pytest.mark.parametrize("name", STORES)
def test_an_object_and_all_objects_of_a_folder(use, name):
    bucket = use(name)
    artifact = wandb.Artifact("data", "dataset")
    (single,) = artifact.add_reference(f"{bucket.uri}/data/a.txt")
    assert (single.path, single.size, single.ref) == ("a.txt", 1, f"{bucket.uri}/data/a.txt")
    assert single.reference_identity == f"etag:{single.etag}" and '"' not in single.etag
    assert bool(single.version_id) == (name in KEEP_VERSIONS)

    found = artifact.add_reference(f"{bucket.uri}/data/", name="train")
    assert {entry.path: entry.size for entry in found} == {
        "train/a.txt": 1, "train/sub/b c.txt": 2, "train/sub/empty": 0
    }  # fmt: skip
    by_path = {entry.path: entry for entry in found}
    assert by_path["train/sub/b c.txt"].ref == f"{bucket.uri}/data/sub/b c.txt"
    # Listings and single objects have the same identity.
    first = by_path["train/a.txt"]
    assert (first.reference_identity, first.version_id) == (single.reference_identity, single.version_id)
    # A folder without the slash is one too, but not what only begins so; and a bucket is the folder of all its objects.
    assert [entry.ref for entry in artifact.add_reference(f"{bucket.uri}/data", "train")] == [
        item.ref for item in found
    ]
    assert sorted(entry.path for entry in artifact.add_reference(bucket.uri, "all")) == sorted(
        f"all/{key}" for key in OBJECTS
    )
    assert (artifact.file_count, len(artifact.references())) == (8, 8)


@pytest.mark.parametrize("name", STORES)
def test_what_is_not_there(use, name):
    bucket = use(name)
    artifact = wandb.Artifact("data", "dataset")
    for uri in (f"{bucket.uri}/nothing", f"{bucket.uri}/nothing/", f"{bucket.uri[:-8]}{'0' * 8}/a.txt"):
        with pytest.raises((wandb.NotFound, wandb.ReferenceUnreachable)) as refusal:
            artifact.add_reference(uri)
        assert uri.rstrip("/") in str(refusal.value) and "\n" not in str(refusal.value)
    assert artifact.file_count == 0


def test_a_version_is_pinned(use):
    bucket = use("S3 with versions")
    bucket.put("model.bin", b"first")
    artifact = wandb.Artifact("model", "model")
    (first,) = artifact.add_reference(f"{bucket.uri}/model.bin", "first")
    bucket.put("model.bin", b"second!")
    (second,) = artifact.add_reference(f"{bucket.uri}/model.bin", "second")
    (pinned,) = artifact.add_reference(f"{bucket.uri}/model.bin?versionId={first.version_id}", "pinned")
    assert (pinned.ref, pinned.version_id, pinned.etag) == (first.ref, first.version_id, first.etag)
    assert (pinned.size, second.size) == (5, 7) and second.version_id not in ("", first.version_id)
    with pytest.raises((wandb.NotFound, wandb.ReferenceUnreachable)):
        artifact.add_reference(f"{bucket.uri}/model.bin?versionId=0")
    # Not opened, so that nobody knows whether it is there.
    (alone,) = artifact.add_reference(f"{bucket.uri}/model.bin?versionId=0", "alone", checksum=False)
    assert (alone.version_id, alone.reference_identity, alone.size) == ("0", "", 0)


@pytest.mark.parametrize(("name", "key"), [("S3", "a.bin?versionId=7"), ("GCS", "shard#17")])
def test_a_key_that_ends_like_the_version_of_another_object_is_named(use, name, key):
    bucket = use(name)
    bucket.put(f"pins/{key}", b"x")
    artifact = wandb.Artifact("data", "dataset")
    with pytest.raises(wandb.Invalid, match="names a version of another object") as refusal:
        artifact.add_reference(f"{bucket.uri}/pins/")
    assert key in str(refusal.value) and artifact.file_count == 0


def test_keys_with_odd_characters(use):
    bucket = use("S3")
    keys = ["odd/a#b.txt", "odd/what?.txt", "odd/100%25.txt", "odd/ü.txt", "odd/a+b=c&d.txt"]
    for key in keys:
        bucket.put(key, key.encode())
    artifact = wandb.Artifact("data", "dataset")
    found = artifact.add_reference(f"{bucket.uri}/odd/")
    assert sorted(entry.ref for entry in found) == sorted(f"{bucket.uri}/{key}" for key in keys)
    for key in keys:
        (single,) = artifact.add_reference(f"{bucket.uri}/{key}")
        assert single.size == len(key.encode())


def test_more_objects_than_allowed_are_counted_and_refused(use, monkeypatch):
    bucket = use("S3 with versions")
    monkeypatch.setattr(store_objects, "CHUNK_SIZE", 1)
    artifact = wandb.Artifact("data", "dataset")
    with pytest.raises(
        wandb.Invalid, match=r"There are 3 objects at .*/data/, more than max_objects=1; none was added"
    ):
        artifact.add_reference(f"{bucket.uri}/data/", max_objects=1)
    assert artifact.file_count == 0
    assert len(artifact.add_reference(f"{bucket.uri}/data/", max_objects=3)) == 3


def test_without_credentials_or_with_wrong_ones(use, monkeypatch):
    bucket = use("S3")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the key")
    with pytest.raises(wandb.ReferenceUnreachable, match=r"cannot be read with these credentials: .*403") as refusal:
        entries.of_uri(f"{bucket.uri}/data/a.txt")
    assert refusal.value.uris == [f"{bucket.uri}/data/a.txt"] and "not the key" not in str(refusal.value)
    with pytest.raises(wandb.ReferenceUnreachable, match=r"cannot be read with these credentials: .*403"):
        entries.of_uri(f"{bucket.uri}/data/")
    with pytest.raises(wandb.Invalid, match=r"az://container/key names no account: set AZURE_STORAGE_ACCOUNT"):
        entries.of_uri("az://container/key")


def test_variables_with_values_that_mean_nothing(monkeypatch):
    for name, value, uri in (
        ("AWS_SKIP_SIGNATURE", "maybe", "s3://bucket/key"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json", "gs://bucket/key"),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountName=a;AccountKey=%%", "az://container/key"),
    ):
        monkeypatch.setenv(name, value)
        with pytest.raises(wandb.Invalid, match=f"{uri} cannot be opened: "):
            entries.of_uri(uri)


def test_the_files_that_the_tools_of_aws_share(use, home, monkeypatch):
    bucket = use("S3")
    key, secret = (os.environ.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    (home / ".aws").mkdir()
    (home / ".aws/credentials").write_text(f"[team]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    (home / ".aws/config").write_text("[profile team]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert entries.of_uri(f"{bucket.uri}/data/a.txt")[0].size == 1
    (home / ".aws/credentials").write_text("not a file of this form")
    with pytest.raises(wandb.Invalid, match=r"credentials cannot be read"):
        entries.of_uri(f"{bucket.uri}/data/a.txt")


def test_the_proxy_of_the_environment_is_used_by_its_rules(use, monkeypatch):
    bucket = use("S3")
    with serve(ProxyHandler) as proxy:
        proxy.required_credentials = "us/er:p@ss"
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://us%2Fer:p%40ss@"))
        assert len(entries.of_uri(f"{bucket.uri}/data/")) == 3
        used = len(proxy.requests)
        assert used > 0
        monkeypatch.setenv("no_proxy", "127.0.0.0/8")
        assert len(entries.of_uri(f"{bucket.uri}/data/")) == 3
        assert len(proxy.requests) == used


class HeadHandler(Handler):
    """A store that has every object."""

    def do_HEAD(self) -> None:
        self.answer(200, b"", ETag='"1"', Last_Modified=formatdate(0, usegmt=True))


def test_the_authorities_of_the_environment_are_trusted(monkeypatch, tmp_path):
    authority = Authority(tmp_path)
    monkeypatch.setattr(stores, "MAX_RETRIES", 0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with serve(HeadHandler, authority.issue("127.0.0.1")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        with pytest.raises(wandb.ReferenceUnreachable, match="s3://b/k cannot be read"):
            entries.of_uri("s3://b/k")
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(variable, str(authority.path))
                assert entries.of_uri("s3://b/k")[0].etag == "1"


def test_a_store_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(stores, "READ_TIMEOUT", timedelta(milliseconds=200))
    monkeypatch.setattr(stores, "MAX_RETRIES", 0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(wandb.ReferenceUnreachable, match="s3://bucket/key cannot be read from here: no response"):
            entries.of_uri("s3://bucket/key")


def listing(keys: Iterable[str], then: str = "") -> bytes:
    """A page of a listing of S3, and the token of the next one."""
    objects = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>9</Size>"
        f'<ETag>"{number:032x}"</ETag></Contents>'
        for number, key in enumerate(keys)
    )
    token = f"<NextContinuationToken>{then}</NextContinuationToken>" if then else ""
    more = "true" if then else "false"
    return f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{token}{objects}</ListBucketResult>".encode()


@pytest.fixture
def fake_s3(monkeypatch):
    """A web site for the bucket `b`, to which the variables lead: what it answers, a test says."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(stores, "MAX_RETRIES", 0)
    with reference_servers.web_site() as site:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", site.url)
        yield site


def test_a_listing_that_ends_in_the_middle_adds_nothing(fake_s3):
    fake_s3.files["/b/data/1"] = b""
    fake_s3.files["/b"] = lambda query: None if "continuation-token" in query else listing(["data/1"], then="2")
    artifact = wandb.Artifact("data", "dataset")
    with pytest.raises(wandb.ReferenceUnreachable, match="s3://b/data/ cannot be read"):
        artifact.add_reference("s3://b/data/")
    assert artifact.file_count == 0


def test_an_object_that_goes_while_the_folder_is_listed(fake_s3):
    fake_s3.files |= {"/b/data/1": b"", "/b": lambda query: listing(["data/1", "data/2"])}
    fake_s3.headers["/b/data/1"] = {"x-amz-version-id": "1", "ETag": '"1"', "Last-Modified": formatdate(0, usegmt=True)}
    with pytest.raises(wandb.FileChanged, match="s3://b/data/2 was deleted while the objects were listed"):
        entries.of_uri("s3://b/data/")


def test_many_objects_take_little_memory(fake_s3):
    """The entries, and one chunk of the listing."""
    pages, size = 5, store_objects.CHUNK_SIZE

    def page(query: str) -> bytes:
        number = int(dict(parse_qsl(query)).get("continuation-token", 0))
        names = (f"images/{number * size + index:08}.jpg" for index in range(size))
        return listing(names, then=str(number + 1) if number + 1 < pages else "")

    fake_s3.files |= {"/b": page}
    tracemalloc.start()
    try:
        found = entries.of_uri("s3://b/images/")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == pages * size
    assert peak < 1024 * len(found)


def test_without_obstore_one_sentence_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "obstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(wandb.Invalid, match=r"References to s3:// need another package.*wanllmdb\[references\]"):
        entries.of_uri("s3://bucket/key")
    # Hashes that are given need no look at the object.
    (entry,) = entries.of_uri("s3://bucket/key", sha256_hash="AB" * 32, size=3)
    assert (entry.path, entry.size, entry.reference_identity) == ("key", 3, f"sha256:{'ab' * 32}")
