"""Downloads with references: all files appear, or none, and what is there already is kept."""

import hashlib
from pathlib import Path

import pytest

import wanllmdb as wandb
from harness.reference_servers import WebSite, web_site
from tests.sdk.transfer.test_download import WrittenManifest, contents, run
from wanllmdb.sdk.connection import connect
from wanllmdb.sdk.reference_downloads import ReferenceSource, with_known_hashes
from wanllmdb.sdk.references import entries
from wanllmdb.sdk.transfer import verification
from wanllmdb.sdk.transfer.reference_files import ReferenceFiles
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile


@pytest.fixture(scope="module")
def site():
    with web_site() as site:
        yield site


class MixedManifest(WrittenManifest):
    """Files, and references to what a web site has."""

    def __init__(self, files, references, urls=None):
        super().__init__(files)
        self.references = references
        self.urls = urls or {}
        self.renewed = []

    def pages(self):
        yield from super().pages()
        yield [RemoteFile(entry, self.urls.get(entry.path)) for entry in self.references]

    def renew_url(self, path):
        self.renewed.append(path)
        return self.urls[path].replace("expired", "signed")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def fetch(root):
    """`fetch(manifest)`: what was missing; references are fetched as a download does."""

    def download(manifest, allows_missing=False, **options):
        source = ReferenceSource(connect(mode="online", api_key="wllm_x"), manifest.renew_url)
        references = ReferenceFiles(source, is_expected=True, allows_missing=allows_missing)
        count = run(manifest, root, references=references, **options)
        return count, [entry.path for entry, _ in references.missing]

    return download


def logged(site: WebSite, *names: str) -> list:
    for name in names:
        site.files.setdefault(f"/{name}", name.encode() * 3)
    return [entry for name in names for entry in entries.of_uri(f"{site.url}/{name}", f"web/{name}")]


def test_references_are_fetched_beside_files_and_kept(site: WebSite, root, fetch):
    manifest = MixedManifest({"a": "1"}, logged(site, "one", "two"))
    assert fetch(manifest) == (3, [])
    assert contents(root) == {"a": "1", "web/one": "oneoneone", "web/two": "twotwotwo"}
    site.requests.clear()
    inode = (root / "web/one").stat().st_ino
    assert fetch(manifest) == (0, []) and site.requests == []
    assert (root / "web/one").stat().st_ino == inode
    (root / "web/two").write_text("damaged!!")
    assert fetch(manifest, exact=True) == (1, []) and site.requests == [("GET", "/two")]
    known = with_known_hashes(connect(mode="online", api_key="wllm_x"), wandb.Manifest(manifest.references, None))
    (root / "a").unlink()
    verification.verify(known, str(root))
    (root / "web/two").write_text("damaged!!")
    with pytest.raises(wandb.CorruptDownload, match=r"1 missing or changed \(web/two\)"):
        verification.verify(known, str(root))
    # What nothing identifies is fetched each time.
    alone = MixedManifest({}, entries.of_uri(f"{site.url}/one", "web/one", checksum=False))
    assert [fetch(alone), fetch(alone)] == [(1, []), (1, [])]


def test_one_missing_reference_leaves_nothing_and_all_are_named(site: WebSite, root, fetch):
    references = logged(site, "kept", "gone", "denied", "other")
    del site.files["/gone"]
    site.statuses["GET", "/denied"] = 403
    manifest = MixedManifest({"a": "1"}, references)
    root.mkdir()
    (root / "unrelated").write_text("mine")
    for options in ({}, {"exact": True}):
        with pytest.raises(wandb.ReferenceUnreachable, match="2 references cannot be read; nothing was down") as error:
            fetch(manifest, **options)
        assert error.value.paths == ["web/denied", "web/gone"]
        assert error.value.uris == [f"{site.url}/denied", f"{site.url}/gone"]
        assert "'web/denied': " in str(error.value) and "answered 403" in str(error.value)
        assert contents(root) == {"unrelated": "mine"}
    (root / "web").mkdir()
    (root / "web/gone").write_text("of an earlier version")
    assert fetch(manifest, allows_missing=True) == (3, ["web/denied", "web/gone"])
    assert sorted(contents(root)) == ["a", "unrelated", "web/gone", "web/kept", "web/other"]
    assert fetch(manifest, allows_missing=True, exact=True) == (0, ["web/denied", "web/gone"])
    assert sorted(contents(root)) == ["a", "web/kept", "web/other"]
    site.files["/other"] = b"changed"
    (root / "web/other").unlink()
    with pytest.raises(wandb.ReferenceChanged, match="3 references are not the objects that were logged, or") as error:
        fetch(manifest, allows_missing=True)
    assert error.value.paths == ["web/denied", "web/gone", "web/other"]
    assert sorted(contents(root)) == ["a", "web/kept"]
    with pytest.raises(wandb.ReferenceChanged, match=r"^'web/other' was not downloaded, nor was anything else: http"):
        fetch(MixedManifest({}, [references[3]]))


def test_an_address_that_has_expired_is_renewed_once(site: WebSite, root, fetch):
    (entry,) = logged(site, "stored")
    site.files |= {"/expired": b"", "/signed": site.files["/stored"]}
    site.statuses["GET", "/expired"] = 403
    manifest = MixedManifest({}, [entry], {entry.path: f"{site.url}/expired?sig=x"})
    assert fetch(manifest) == (1, []) and manifest.renewed == [entry.path]
    site.statuses["GET", "/signed"] = 403
    (root / entry.path).unlink()
    with pytest.raises(wandb.ReferenceUnreachable, match="is not valid any more"):
        fetch(manifest)


def test_disabled_runs_read_references_where_they_are(site: WebSite, root, tmp_path):
    site.files["/live"] = b"live"
    (tmp_path / "here.txt").write_text("here")
    with wandb.init(project="acme/references", mode="disabled") as active:
        artifact = wandb.Artifact("data", "dataset")
        artifact.add_reference(f"{site.url}/live")
        artifact.add_reference((tmp_path / "here.txt").as_uri())
        with artifact.new_file("own") as file:
            file.write("own")
        active.log_artifact(artifact)
        found = active.use_artifact("data:latest")
        found.download(root, exact=True)
        assert contents(root) == {"live": "live", "here.txt": "here", "own": "own"}
        found.verify(root)
        site.files["/live"] = b"other"
        with pytest.raises(wandb.ReferenceChanged):
            found.download(tmp_path / "again")
        assert contents(tmp_path / "again") == {}
        assert hashlib.sha256(b"here").hexdigest() == found.get_entry("here.txt").digest.partition(":")[2]
        assert Path(found.get_entry("here.txt").download(tmp_path / "one")).read_text() == "here"
