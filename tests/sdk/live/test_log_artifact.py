import os
import threading
from pathlib import Path

import pytest

import wanllmdb as wandb
from harness import servers
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.transfer import upload
from wanllmdb.sdk.transfer.hashes import MIB, MULTIPART_ABOVE


@pytest.fixture
def data(tmp_path) -> Path:
    """Some small files, a medium one, an empty one, and two identical ones."""
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "a.csv").write_bytes(os.urandom(1000))
    (data / "sub/b.bin").write_bytes(os.urandom(2 * MIB))
    (data / "sub/ünï.txt").write_text("ünï")
    (data / "empty").touch()
    (data / "same.csv").write_bytes((data / "a.csv").read_bytes())
    return data


def dataset(data: Path, name: str = "training-dataset", **fields) -> wandb.Artifact:
    artifact = wandb.Artifact(name, "dataset", **fields)
    artifact.add_dir(data)
    return artifact


def contents(root: Path | str) -> dict[str, bytes]:
    root = Path(root)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_logged_files_can_be_downloaded(run, data, tmp_path):
    artifact = run.log_artifact(dataset(data, description="Rows", metadata={"rows": 3}))
    assert (artifact.version, artifact.file_count, artifact.aliases) == ("v1", 5, ["latest"])
    assert artifact.size == sum(len(content) for content in contents(data).values())
    assert (artifact.description, artifact.metadata) == ("Rows", {"rows": 3})
    assert contents(artifact.download(tmp_path / "down")) == contents(data)
    assert [file.path for file in artifact.files()] == sorted(contents(data))
    assert artifact.logged_by().id == run.id


def test_console_output(run, data, capsys):
    run.log_artifact(dataset(data))
    (data / "a.csv").write_text("changed")
    capsys.readouterr()
    run.log_artifact(dataset(data), aliases=["latest", "v1", "production"])
    assert capsys.readouterr().out == (
        "Logging artifact 'training-dataset' (dataset)...\n"
        "  Created version: v2\n"
        "  Adding 3 alias(es)...\n"
        "    ✓ 'latest'\n"
        "    ✓ 'v1'\n"
        "    ✓ 'production'\n"
    )


def test_identical_files_create_no_version_and_move_the_aliases(run, data, capsys, stored_keys):
    first = run.log_artifact(dataset(data), aliases="staging")
    capsys.readouterr()
    before = stored_keys()
    again = run.log_artifact(dataset(data), aliases=["production"])
    assert stored_keys() == before
    assert (again.version, again.id, again.digest) == ("v1", first.id, first.digest)
    assert again.aliases == ["production", "staging", "latest"]
    assert capsys.readouterr().out == (
        "Logging artifact 'training-dataset' (dataset)...\n"
        "  No changes: version v1 already contains these files\n"
        "  Adding 1 alias(es)...\n"
        "    ✓ 'production'\n"
    )


def test_new_metadata_for_the_same_files_is_reported(run, data, capsys):
    run.log_artifact(dataset(data, metadata={"rows": 3}))
    again = run.log_artifact(dataset(data, metadata={"rows": 4}))
    assert again.metadata == {"rows": 3}
    assert (
        "Its metadata was not changed: to change it, edit artifact.metadata and call save()" in capsys.readouterr().out
    )
    again.metadata["rows"] = 4
    again.save()
    assert run.use_artifact("training-dataset").metadata == {"rows": 4}


def test_only_new_files_are_uploaded(run, data, stored_keys):
    run.log_artifact(dataset(data))
    before = stored_keys()
    (data / "new.txt").write_text("new")
    assert run.log_artifact(dataset(data)).version == "v2"
    (new,) = stored_keys() - before
    assert new.endswith("/new.txt")


def test_the_contents_of_a_logged_artifact_cannot_change(run, data):
    artifact = run.log_artifact(dataset(data))
    for call in (
        lambda: artifact.add_file(data / "a.csv"),
        lambda: artifact.add_dir(data),
        lambda: artifact.new_file("x"),
        lambda: artifact.remove("a.csv"),
    ):
        with pytest.raises(
            wandb.AlreadyLogged, match=r"training-dataset:v1 is already logged, and its contents cannot change"
        ):
            call()


def test_logging_a_logged_artifact_again_moves_aliases(run, data):
    artifact = run.log_artifact(dataset(data))
    assert run.log_artifact(artifact, aliases=["stable"]).aliases == ["latest", "stable"]


def tags(artifact: wandb.Artifact) -> list[str]:
    return wandb.Api().collection(artifact.qualified_name).tags


def test_tags_are_added_to_those_of_the_artifact(run, data, capsys):
    artifact = run.log_artifact(dataset(data), tags=["raw", "eu", "raw"])
    assert tags(artifact) == ["raw", "eu"]
    assert "  Adding 2 tag(s): raw, eu\n" in capsys.readouterr().out
    run.log_artifact(dataset(data), tags="raw")
    assert "tag(s)" not in capsys.readouterr().out
    run.log_artifact(artifact, tags=["daily"])
    assert tags(artifact) == ["raw", "eu", "daily"]
    found, read_before = (
        wandb.Api().collection(artifact.qualified_name),
        wandb.Api().collection(artifact.qualified_name),
    )
    found.add_tags("one")
    read_before.add_tags("two", "raw")
    read_before.remove_tags("daily")
    assert tags(artifact) == read_before.tags == ["raw", "eu", "one", "two"]
    found.add_tags("three")
    read_before.description = "Rows"
    read_before.save()
    assert tags(artifact) == ["raw", "eu", "one", "two", "three"]
    project = f"{artifact.entity}/{artifact.project}"
    assert [artifact.name for artifact in wandb.Api().artifacts(project, tag="eu")] == ["training-dataset"]


@pytest.mark.parametrize("tag", ["", " ", "two\nlines", "x" * 129, None, 7])
def test_an_invalid_tag_is_rejected_before_anything_is_created(run, data, tag):
    with pytest.raises(wandb.InvalidName):
        run.log_artifact(dataset(data), tags=[tag])
    with pytest.raises(wandb.NotFound):
        wandb.Api().collection(f"{run.entity}/{run.project}/training-dataset")


def test_a_protected_alias_is_rejected_before_any_bytes_are_uploaded(run, data, stack, stored_keys, capsys):
    alice = Client(stack.base_url, stack.key("alice"))
    alice.post("/alias-rules", {"project": f"{run.entity}/{run.project}", "pattern": "prod*", "role": "admin"})
    before = stored_keys()
    with pytest.raises(wandb.AliasProtected) as error:
        run.log_artifact(dataset(data), aliases=["staging", "production"])
    assert (error.value.alias, error.value.rule["pattern"]) == ("production", "prod*")
    assert stored_keys() == before
    assert "Created version" not in capsys.readouterr().out
    assert run.log_artifact(dataset(data), aliases=["staging"]).version == "v1"


@pytest.mark.parametrize("count", [15, 2_000])
def test_many_files(run, tmp_path, count):
    (tmp_path / "many").mkdir()
    for number in range(count):
        (tmp_path / "many" / f"{number:05}.txt").write_text(f"file {number}")
    artifact = run.log_artifact(dataset(tmp_path / "many", "many"))
    assert artifact.file_count == count
    assert contents(artifact.download(tmp_path / "down")) == contents(tmp_path / "many")


def test_a_large_file_is_uploaded_in_parts(run, tmp_path):
    path = tmp_path / "model.bin"
    with path.open("wb") as file:
        for _ in range(MULTIPART_ABOVE // MIB + 5):
            file.write(os.urandom(MIB))
    artifact = wandb.Artifact("weights", "model")
    artifact.add_file(path)
    run.log_artifact(artifact)
    assert Path(artifact.file(tmp_path / "down")).read_bytes() == path.read_bytes()


def test_a_path_becomes_an_artifact(run, data, tmp_path):
    artifact = run.log_artifact(data / "a.csv")
    assert (artifact.name, artifact.type, [file.path for file in artifact.files()]) == ("a.csv", "file", ["a.csv"])
    artifact = run.log_artifact(str(data), name="folder", type="dataset")
    assert (artifact.name, artifact.type, artifact.file_count) == ("folder", "dataset", 5)


def test_an_artifact_without_files(run, tmp_path):
    artifact = run.log_artifact(wandb.Artifact("nothing", "dataset", metadata={"why": "only metadata"}))
    assert (artifact.version, artifact.file_count, artifact.size) == ("v1", 0, 0)
    assert contents(artifact.download(tmp_path / "down")) == {}


@pytest.mark.parametrize("alias", ["with space", "", "a" * 101, "-x", "a/b"])
def test_an_invalid_alias_is_rejected_before_anything_is_sent(run, project, data, alias):
    with pytest.raises(wandb.InvalidName):
        run.log_artifact(dataset(data), aliases=["latest", alias])
    assert list(wandb.Api().artifacts(project)) == []


def test_another_type_than_the_artifact_has_is_rejected(run, data):
    run.log_artifact(dataset(data))
    other = wandb.Artifact("training-dataset", "model")
    other.add_dir(data)
    with pytest.raises(wandb.TypeDiffers, match="is a dataset, not a model"):
        run.log_artifact(other)


def test_a_file_that_changes_during_the_upload_is_an_error(run, project, data, monkeypatch):
    original = upload.upload

    def change_and_upload(*args):
        (data / "sub/b.bin").write_bytes(os.urandom(2 * MIB))
        return original(*args)

    monkeypatch.setattr(upload, "upload", change_and_upload)
    with pytest.raises(wandb.FileChanged, match=r"b\.bin changed while it was being logged; nothing was logged"):
        run.log_artifact(dataset(data))
    monkeypatch.setattr(upload, "upload", original)
    assert list(wandb.Api().artifacts(project)) == []
    assert run.log_artifact(dataset(data)).version == "v1"


def test_a_file_that_changes_after_it_was_added_is_an_error(run, project, data):
    artifact = wandb.Artifact("epochs", "model")
    for epoch in range(3):
        (data / "last.pt").write_text(f"epoch {epoch}")
        artifact.add_file(data / "last.pt", name=f"epoch-{epoch}.pt")
    with pytest.raises(wandb.FileChanged, match=r"last\.pt has changed since it was added; nothing was logged"):
        run.log_artifact(artifact)
    assert list(wandb.Api().artifacts(project)) == []


def test_files_are_left_out(run, data):
    assert run.log_artifact(data, name="some", exclude=["sub/**", "*.csv"]).manifest.entries.keys() == {"empty"}
    with pytest.raises(wandb.Invalid, match="pass name, type and exclude to log_artifact only together with a path"):
        run.log_artifact(dataset(data), exclude="*.csv")


def test_the_executable_bit_is_kept(run, data, tmp_path):
    first = run.log_artifact(dataset(data))
    (data / "a.csv").chmod(0o755)
    second = run.log_artifact(dataset(data))
    assert (second.version, second.digest) == ("v2", first.digest)
    assert run.log_artifact(dataset(data)).version == "v2"
    assert [file.path for file in second.files() if file.executable] == ["a.csv"]
    root = Path(second.download(tmp_path / "down"))
    assert [name for name in contents(root) if os.access(root / name, os.X_OK)] == ["a.csv"]


def test_expired_urls_are_renewed(run, data, tmp_path, monkeypatch):
    # The store answers a wrong signature like an expired one.
    request_targets = upload._request_targets
    requests = []

    def first_urls_expired(*args):
        targets = request_targets(*args)
        requests.append(args)
        if len(requests) <= 2:
            for target in targets:
                target["url"] = target["url"].replace("Signature=", "Signature=0")
        return targets

    monkeypatch.setattr(upload, "_request_targets", first_urls_expired)
    artifact = run.log_artifact(dataset(data))
    assert len(requests) > 2
    assert contents(artifact.download(tmp_path / "down")) == contents(data)


def test_the_same_files_logged_at_once_create_one_version(bob, project, data):
    with wandb.init(project=project) as run:
        logged: list[wandb.Artifact] = []
        threads = [threading.Thread(target=lambda: logged.append(run.log_artifact(dataset(data)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(logged) == 4
    assert len({artifact.version for artifact in logged}) == 1
    assert len(list(wandb.Api().collection(f"{project}/training-dataset").versions())) == 1


def test_a_viewer_cannot_log(sign_in, project, run, data):
    run.log_artifact(dataset(data))
    sign_in("vera")
    with pytest.raises(wandb.Denied):
        wandb.init(project=project, reinit=True)


def test_a_stranger_has_no_access(sign_in, project, run, data):
    run.log_artifact(dataset(data))
    sign_in("mallory")
    with pytest.raises(wandb.NotFound):
        wandb.Api().artifact(f"{project}/training-dataset:latest")


def test_a_wrong_or_missing_key_is_an_error(sign_in, stack, monkeypatch):
    monkeypatch.setenv("WANLLMDB_BASE_URL", stack.base_url)
    monkeypatch.setenv("WANLLMDB_API_KEY", "wllm_nonsense")
    with pytest.raises(wandb.AuthenticationError):
        wandb.init(project="x")
    monkeypatch.delenv("WANLLMDB_API_KEY")
    with pytest.raises(wandb.AuthenticationError, match="run `wanllmdb login`, or set WANLLMDB_API_KEY"):
        wandb.init(project="x")


def test_programs_that_upload_the_same_large_file_at_once(bob, project, python, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(os.urandom(MIB) * (MULTIPART_ABOVE // MIB + 40))
    logged: list[str] = []

    def log() -> None:
        logged.append(
            python(f"""
import wanllmdb as wandb
from harness import servers
with wandb.init(project={project!r}) as run:
    artifact = wandb.Artifact("weights", "model")
    artifact.add_file({str(path)!r})
    print(run.log_artifact(artifact).qualified_name)
""").stdout.splitlines()[-1]
        )

    threads = [threading.Thread(target=log) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logged == [f"{project}/weights:v1"] * 3
    assert Path(wandb.Api().artifact(logged[0]).file(tmp_path / "down")).read_bytes() == path.read_bytes()


def test_objects_that_the_store_lost_are_uploaded_again(run, data, stack, stored_keys, tmp_path, monkeypatch):
    original = upload.upload
    s3 = servers.s3(stack.env)
    before = stored_keys()

    def upload_and_lose(*args):
        uploads = original(*args)
        monkeypatch.setattr(upload, "upload", original)
        for key in stored_keys() - before:
            s3.delete_object(Bucket=stack.env["S3_BUCKET"], Key=key)
        return uploads

    monkeypatch.setattr(upload, "upload", upload_and_lose)
    artifact = run.log_artifact(dataset(data))
    assert contents(artifact.download(tmp_path / "down")) == contents(data)


@pytest.mark.parametrize("bad", [{"x": "\0"}, {"x": "x" * (2 << 20)}], ids=["NUL", "2 MiB"])
def test_refused_metadata_leaves_no_artifact(run, project, bad, tmp_path):
    (tmp_path / "a").write_text("a")
    draft = wandb.Artifact("data", "dataset", metadata=bad)
    draft.add_file(tmp_path / "a")
    (tmp_path / "a").unlink()  # nothing is hashed either
    with pytest.raises(wandb.Invalid, match="metadata: 'x': "):
        run.log_artifact(draft)
    assert list(wandb.Api().artifacts(project)) == []


def test_a_refused_alias_leaves_no_artifact(run, project):
    with pytest.raises(wandb.WanLLMDBError, match="v7"):
        run.log_artifact(wandb.Artifact("data", "dataset"), aliases=["v7"])
    assert list(wandb.Api().artifacts(project)) == []
    logged = run.log_artifact(wandb.Artifact("data", "dataset", metadata={"x": float("nan"), "y": {1}}))
    assert (logged.version, logged.metadata) == ("v1", {"x": "NaN", "y": [1]})
