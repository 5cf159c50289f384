"""Versions with references: logged now, in the background and offline, beside files and in batches."""

import json
import subprocess
import sys

import pytest

import wanllmdb as wandb
from harness import reference_servers
from harness.reference_servers import Bucket
from wanllmdb.sdk import version_files

LABELS = "https://data.example.org/labels.csv?token=secret&page=1"
MD5 = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def objects() -> Bucket:
    bucket = reference_servers.s3_bucket(is_versioned=True)
    for number in range(7):
        bucket.put(f"images/{number}.jpg", bytes(number))
    return bucket


@pytest.fixture
def bucket(objects: Bucket, monkeypatch) -> Bucket:
    for name, value in objects.env.items():
        monkeypatch.setenv(name, value)
    return objects


def new_artifact(bucket: Bucket) -> wandb.Artifact:
    artifact = wandb.Artifact("data", "dataset")
    with artifact.new_file("README.md") as file:
        file.write("# Data")
    artifact.add_reference(f"{bucket.uri}/images/", name="images")
    artifact.add_reference(LABELS, md5_hash=MD5, size=7)
    return artifact


def described(files) -> list[tuple]:
    return [(file.path, file.size, file.ref, file.digest, file.version_id, file.is_reference) for file in files]


def test_a_version_has_files_and_references(run, bucket, monkeypatch):
    monkeypatch.setattr(version_files, "MAX_FILES_PER_REQUEST", 3)
    artifact = new_artifact(bucket)
    draft = described(artifact.files())
    logged = run.log_artifact(artifact)
    version = wandb.Api().artifact(logged.qualified_name)
    # Of the README nobody knew the sha256 before it was logged.
    assert described(version.files())[1:] == draft[1:]
    assert (version.file_count, version.size) == (9, 6 + sum(range(7)) + 7)
    assert version.manifest.digest == version.digest == logged.digest
    (labels,) = version.files("labels.csv")
    assert (labels.ref, labels.digest, labels.etag, labels.sha256) == (LABELS, f"md5:{MD5}", None, None)
    image = version.get_path("images/3.jpg")
    assert (image.ref, image.is_reference) == (f"{bucket.uri}/images/3.jpg", True)
    assert image.etag and image.version_id and image.digest == f"etag:{image.etag}"
    assert [file.path for file in version.references()] == [f"images/{n}.jpg" for n in range(7)] + ["labels.csv"]
    record = version._state.record
    assert (record["reference_count"], record["referenced_size"]) == (8, sum(range(7)) + 7)

    again = run.log_artifact(new_artifact(bucket), aliases=["same"])
    assert (again.version, again.digest) == ("v1", logged.digest)
    # What grants access is not part of what a version is, and the size is.
    for parameters, size, expected in (("token=other&page=1", 7, "v1"), ("page=1", 8, "v2")):
        changed = new_artifact(bucket)
        changed.remove("labels.csv")
        changed.add_reference(f"{LABELS.partition('?')[0]}?{parameters}", md5_hash=MD5, size=size)
        assert run.log_artifact(changed, wait=False).wait().version == expected


def test_an_object_that_changes_before_it_is_logged_is_recorded_as_it_was(run, bucket):
    bucket.put("model.bin", b"first")
    artifact = wandb.Artifact("model", "model")
    (entry,) = artifact.add_reference(f"{bucket.uri}/model.bin")
    bucket.put("model.bin", b"second!")
    (logged,) = run.log_artifact(artifact).references()
    assert (logged.digest, logged.version_id, logged.size) == (entry.digest, entry.version_id, 5)
    artifact = wandb.Artifact("model", "model")
    artifact.add_reference(f"{bucket.uri}/model.bin")
    assert run.log_artifact(artifact).version == "v2"


def test_what_the_server_refuses_leaves_nothing_behind(run, project):
    for uri in (
        "http://10.0.0.1/a",
        "http://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/a",
        "s3://b/x/../k",
    ):
        artifact = wandb.Artifact("data", "dataset")
        artifact.add_reference(uri, name="a", checksum=False)
        with pytest.raises(wandb.Invalid):
            run.log_artifact(artifact)
    assert list(wandb.Api().artifacts(project)) == []


def test_references_logged_offline_are_sent_later(bob, bucket, project):
    with wandb.init(project=project, mode="offline") as run:
        logged = run.log_artifact(new_artifact(bucket), aliases=["best"])
        assert (logged.file_count, len(logged.references())) == (9, 8)
        digest, listed = logged.digest, described(logged.files())
    done = subprocess.run([sys.executable, "-m", "wanllmdb", "sync", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["artifacts"] == [f"{project}/data:v1"]
    version = wandb.Api().artifact(f"{project}/data:best")
    assert (version.digest, described(version.files())) == (digest, listed)


def test_references_in_mode_disabled(monkeypatch):
    monkeypatch.setenv("WANLLMDB_MODE", "disabled")
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_reference("s3://bucket/a.bin", checksum=False)
    with wandb.init(project="acme/first") as run:
        logged = run.log_artifact(artifact)
        assert (logged.version, [file.ref for file in logged.references()]) == ("v1", ["s3://bucket/a.bin"])
        assert [file.path for file in run.use_artifact("data:latest").files()] == ["a.bin"]


def test_references_on_the_command_line(bob, bucket, project, tmp_path):
    (tmp_path / "notes.txt").write_text("notes")

    def put(*arguments: str) -> subprocess.CompletedProcess:
        command = [
            sys.executable,
            "-m",
            "wanllmdb",
            "artifact",
            "put",
            *arguments,
            "--name",
            f"{project}/data",
            "--json",
        ]
        return subprocess.run([*command, "--json"], capture_output=True, text=True)

    done = put(str(tmp_path / "notes.txt"), "-r", f"{bucket.uri}/images/1.jpg", "-r", f"train={bucket.uri}/images/")
    assert done.returncode == 0, done.stderr
    version = wandb.Api().artifact(json.loads(done.stdout)["artifact"])
    assert {file.path for file in version.files()} == {"notes.txt", "1.jpg", *(f"train/{n}.jpg" for n in range(7))}
    done = put("--no-checksum", "--reference", f"labels={LABELS}")
    assert done.returncode == 0, done.stderr
    (labels,) = wandb.Api().artifact(f"{project}/data:v2").files()
    assert (labels.path, labels.ref, labels.digest) == ("labels", LABELS, None)
    assert "There is nothing to log" in put().stderr
