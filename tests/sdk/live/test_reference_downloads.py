"""References that were logged are downloaded again, by every way, and what is wrong with them is told."""

import json
import os
from pathlib import Path

import pytest

import wanllmdb as wandb
from harness import reference_servers
from harness.reference_servers import Bucket, WebSite, web_site
from wanllmdb.sdk.cli.main import app
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.transfer.remote_manifest import RemoteManifest


@pytest.fixture(scope="module")
def site():
    with web_site() as site:
        yield site


@pytest.fixture(scope="module")
def versioned() -> Bucket:
    return reference_servers.s3_bucket(is_versioned=True)


@pytest.fixture
def bucket(versioned, monkeypatch) -> Bucket:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for variable, value in versioned.env.items():
        monkeypatch.setenv(variable, value)
    return versioned


def contents(root: Path | str) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in Path(root).rglob("*") if path.is_file()}


@pytest.fixture
def artifact(run, bucket, tmp_path) -> wandb.Artifact:
    """A file that is stored, two objects of a bucket that keeps versions, and a file of this machine."""
    (tmp_path / "here.txt").write_text("here")
    for name in ("one", "two"):
        bucket.put(f"{run.name}/{name}.txt", name.encode())
    artifact = wandb.Artifact("mixed", "dataset")
    with artifact.new_file("own/a.txt") as file:
        file.write("own")
    artifact.add_reference(f"{bucket.uri}/{run.name}/", name="s3")
    artifact.add_reference((tmp_path / "here.txt").as_uri(), name="disk/here.txt")
    return run.log_artifact(artifact)


ALL = {"own/a.txt": "own", "s3/one.txt": "one", "s3/two.txt": "two", "disk/here.txt": "here"}


def test_all_of_an_artifact_is_downloaded(artifact, bucket, run, tmp_path, home, monkeypatch):
    bucket.put(f"{run.name}/one.txt", b"a later version")
    bucket.put(f"{run.name}/three.txt", b"a later object")
    root = Path(artifact.download(tmp_path / "down"))
    assert contents(root) == ALL
    artifact.verify(root)
    (root / "s3/two.txt").write_text("TWO")
    with pytest.raises(wandb.CorruptDownload, match=r"1 missing or changed \(s3/two.txt\)"):
        artifact.verify(root)
    (root / "unrelated").touch()
    assert contents(artifact.download(root, exact=True)) == ALL
    assert contents(artifact.download(tmp_path / "some", path_prefix="s3/")) == {
        path: text for path, text in ALL.items() if path.startswith("s3/")
    }
    one = artifact.get_entry("s3/one.txt")
    assert Path(one.download(tmp_path / "single")).read_text() == "one"
    # Nothing is fetched for what is there already, so no credentials are needed.
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert contents(artifact.download(root, exact=True)) == ALL
    run.finish()
    with wandb.init(project=artifact.project, entity=artifact.entity, mode="offline") as offline:
        copied = offline.use_artifact("mixed:latest").download(tmp_path / "copied")
        assert contents(copied) == ALL


def test_the_server_signs_what_this_machine_has_no_key_for(artifact, bucket, run, stack, tmp_path, monkeypatch):
    admin = Client(stack.base_url, stack.key("alice"))
    names = {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY"}
    fields = {
        "name": run.name,
        "prefix": f"{bucket.uri}/{run.name}",
        "endpoint": bucket.env["AWS_ENDPOINT_URL_S3"],
        "credentials": {name: bucket.env[variable] for name, variable in names.items()},
    }
    store = admin.post("/teams/acme/external-stores", fields)
    for variable in bucket.env:
        monkeypatch.delenv(variable)
    monkeypatch.setattr("wanllmdb.sdk.references.stores.open_store", None)
    bucket.put(f"{run.name}/one.txt", b"a later version")
    assert contents(artifact.download(tmp_path / "down")) == ALL
    pages = RemoteManifest.pages

    def expired_pages(self):
        for page in pages(self):
            yield [file._replace(url=file.url and file.url.replace("Signature=", "Signature=0")) for file in page]

    # The store answers a wrong signature like an expired one.
    monkeypatch.setattr(RemoteManifest, "pages", expired_pages)
    assert contents(artifact.download(tmp_path / "again", path_prefix="s3/")) == {
        "s3/one.txt": "one",
        "s3/two.txt": "two",
    }
    admin.delete(f"/external-stores/{store['id']}")


def test_without_credentials_nothing_is_downloaded(artifact, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-key")
    with pytest.raises(wandb.ReferenceUnreachable, match="2 references cannot be read; nothing was down") as error:
        artifact.download(tmp_path / "down")
    assert error.value.paths == ["s3/one.txt", "s3/two.txt"]
    assert "not-the-key" not in str(error.value)
    assert contents(tmp_path / "down") == {}
    left = {path: text for path, text in ALL.items() if not path.startswith("s3/")}
    capsys.readouterr()
    assert contents(artifact.download(tmp_path / "down", allow_missing_references=True)) == left
    assert "2 references could not be fetched and are missing (s3/one.txt, s3/two.txt): " in capsys.readouterr().err
    with pytest.raises(wandb.CorruptDownload, match="2 missing or changed"):
        artifact.verify(tmp_path / "down")
    artifact.verify(tmp_path / "down", allow_missing_references=True)
    get = ["artifact", "get", artifact.qualified_name, "--root", str(tmp_path / "cli")]
    with pytest.raises(wandb.ReferenceUnreachable):
        app(get, standalone_mode=False)
    capsys.readouterr()
    app([*get, "--allow-missing-references", "--json"], standalone_mode=False)
    printed = capsys.readouterr()
    assert "2 references" in printed.err and contents(json.loads(printed.out)["root"]) == left


def test_what_changed_is_refused(run, site: WebSite, tmp_path):
    site.files |= {"/a": b"a", "/b": b"b"}
    artifact = wandb.Artifact("web", "dataset")
    for name in "ab":
        artifact.add_reference(f"{site.url}/{name}?token=hush")
    (tmp_path / "here.txt").write_text("here")
    artifact.add_reference((tmp_path / "here.txt").as_uri())
    run.log_artifact(artifact)
    assert contents(artifact.download(tmp_path / "first")) == {"a": "a", "b": "b", "here.txt": "here"}
    site.files["/a"] = b"another"
    (tmp_path / "here.txt").write_text("there")
    with pytest.raises(wandb.ReferenceChanged, match="2 references are not the objects that were logged") as error:
        artifact.download(tmp_path / "second", allow_missing_references=True)
    assert (error.value.paths, "hush" in str(error.value)) == (["a", "here.txt"], False)
    assert contents(tmp_path / "second") == {}
    assert contents(artifact.download(tmp_path / "second", path_prefix="b")) == {"b": "b"}
