import os
import threading
from pathlib import Path

import pytest

import wanllmdb as wandb
from tests import servers
from wanllmdb.sdk.client import Client
from wanllmdb.sdk.transfer import upload
from wanllmdb.sdk.transfer.hashes import LARGE, MIB


@pytest.fixture
def data(tmp_path) -> Path:
    """Some small files, one middling, one empty, and two alike."""
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "a.csv").write_bytes(os.urandom(1000))
    (data / "sub/b.bin").write_bytes(os.urandom(2 * MIB))
    (data / "sub/ünï.txt").write_text("ünï")
    (data / "empty").touch()
    (data / "same.csv").write_bytes((data / "a.csv").read_bytes())
    return data


def dataset(data: Path, name: str = "training-dataset", **more) -> wandb.Artifact:
    artifact = wandb.Artifact(name, "dataset", **more)
    artifact.add_dir(data)
    return artifact


def contents(root: Path | str) -> dict[str, bytes]:
    root = Path(root)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_what_is_logged_comes_back(run, data, tmp_path):
    artifact = run.log_artifact(dataset(data, description="Rows", metadata={"rows": 3}))
    assert (artifact.version, artifact.file_count, artifact.aliases) == ("v1", 5, ["latest"])
    assert artifact.size == sum(len(content) for content in contents(data).values())
    assert (artifact.description, artifact.metadata) == ("Rows", {"rows": 3})
    assert contents(artifact.download(tmp_path / "down")) == contents(data)
    assert [file.path for file in artifact.files()] == sorted(contents(data))
    assert artifact.logged_by().id == run.id


def test_the_console_tells_as_documented(run, data, capsys):
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


def test_identical_contents_make_no_version_and_move_the_aliases(run, data, capsys, stored):
    first = run.log_artifact(dataset(data), aliases="staging")
    capsys.readouterr()
    before = stored()
    again = run.log_artifact(dataset(data), aliases=["production"])
    assert stored() == before
    assert (again.version, again.id, again.digest) == ("v1", first.id, first.digest)
    assert again.aliases == ["latest", "production", "staging"]
    assert capsys.readouterr().out == (
        "Logging artifact 'training-dataset' (dataset)...\n"
        "  No changes: version v1 already holds these files\n"
        "  Adding 1 alias(es)...\n"
        "    ✓ 'production'\n"
    )


def test_new_metadata_for_the_same_files_is_not_lost_in_silence(run, data, capsys):
    run.log_artifact(dataset(data, metadata={"rows": 3}))
    again = run.log_artifact(dataset(data, metadata={"rows": 4}))
    assert again.metadata == {"rows": 3}
    assert "Its metadata stays as it was: change artifact.metadata and call save()" in capsys.readouterr().out
    again.metadata["rows"] = 4
    again.save()
    assert run.use_artifact("training-dataset").metadata == {"rows": 4}


def test_only_what_is_new_is_sent(run, data, stored):
    run.log_artifact(dataset(data))
    before = stored()
    (data / "new.txt").write_text("new")
    assert run.log_artifact(dataset(data)).version == "v2"
    (new,) = stored() - before
    assert new.endswith("/new.txt")


def test_a_logged_artifact_never_changes_again(run, data):
    artifact = run.log_artifact(dataset(data))
    for act in (
        lambda: artifact.add_file(data / "a.csv"),
        lambda: artifact.add_dir(data),
        lambda: artifact.new_file("x"),
        lambda: artifact.remove("a.csv"),
    ):
        with pytest.raises(wandb.AlreadyLogged, match=r"training-dataset:v1 is logged, and its contents never change"):
            act()


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
    place = f"{artifact.entity}/{artifact.project}"
    assert [found.name for found in wandb.Api().artifacts(place, tag="eu")] == ["training-dataset"]


@pytest.mark.parametrize("tag", ["", " ", "two\nlines", "x" * 65, None, 7])
def test_what_cannot_be_a_tag_is_refused_before_anything_is_made(run, data, tag):
    with pytest.raises(wandb.InvalidName):
        run.log_artifact(dataset(data), tags=[tag])
    with pytest.raises(wandb.NotFound):
        wandb.Api().collection(f"{run.entity}/{run.project}/training-dataset")


def test_a_protected_alias_is_refused_before_any_bytes_are_sent(run, data, stack, stored, capsys):
    alice = Client(stack.base_url, stack.key("alice"))
    alice.post("/alias-rules", {"project": f"{run.entity}/{run.project}", "pattern": "prod*", "role": "admin"})
    before = stored()
    with pytest.raises(wandb.AliasProtected) as refusal:
        run.log_artifact(dataset(data), aliases=["staging", "production"])
    assert (refusal.value.alias, refusal.value.rule["pattern"]) == ("production", "prod*")
    assert stored() == before
    assert "Created version" not in capsys.readouterr().out
    assert run.log_artifact(dataset(data), aliases=["staging"]).version == "v1"


@pytest.mark.parametrize("count", [15, 2_000])
def test_many_files_in_one_go(run, tmp_path, count):
    (tmp_path / "many").mkdir()
    for number in range(count):
        (tmp_path / "many" / f"{number:05}.txt").write_text(f"file {number}")
    artifact = run.log_artifact(dataset(tmp_path / "many", "many"))
    assert artifact.file_count == count
    assert contents(artifact.download(tmp_path / "down")) == contents(tmp_path / "many")


def test_a_large_file_travels_in_parts(run, tmp_path):
    path = tmp_path / "model.bin"
    with path.open("wb") as file:
        for _ in range(LARGE // MIB + 5):
            file.write(os.urandom(MIB))
    artifact = wandb.Artifact("weights", "model")
    artifact.add_file(path)
    run.log_artifact(artifact)
    assert Path(artifact.file(tmp_path / "down")).read_bytes() == path.read_bytes()


def test_a_path_is_made_an_artifact(run, data, tmp_path):
    artifact = run.log_artifact(data / "a.csv")
    assert (artifact.name, artifact.type, [file.path for file in artifact.files()]) == ("a.csv", "file", ["a.csv"])
    artifact = run.log_artifact(str(data), name="folder", type="dataset")
    assert (artifact.name, artifact.type, artifact.file_count) == ("folder", "dataset", 5)


def test_an_artifact_without_files_is_a_version_too(run, tmp_path):
    artifact = run.log_artifact(wandb.Artifact("nothing", "dataset", metadata={"why": "only metadata"}))
    assert (artifact.version, artifact.file_count, artifact.size) == ("v1", 0, 0)
    assert contents(artifact.download(tmp_path / "down")) == {}


@pytest.mark.parametrize("alias", ["with space", "", "a" * 101, "-x", "a/b"])
def test_an_odd_alias_is_refused_before_anything_is_sent(run, project, data, alias):
    with pytest.raises(wandb.InvalidName):
        run.log_artifact(dataset(data), aliases=["latest", alias])
    assert list(wandb.Api().artifacts(project)) == []


def test_an_unknown_type_is_refused(run, data):
    artifact = wandb.Artifact("x", "spreadsheet")
    artifact.add_dir(data)
    with pytest.raises(wandb.Invalid, match="spreadsheet"):
        run.log_artifact(artifact)


def test_another_type_than_the_artifact_has_is_refused(run, data):
    run.log_artifact(dataset(data))
    other = wandb.Artifact("training-dataset", "model")
    other.add_dir(data)
    with pytest.raises(wandb.TypeDiffers, match="is a dataset, not a model"):
        run.log_artifact(other)


def test_a_file_that_changes_under_way_is_named_and_nothing_is_logged(run, project, data, monkeypatch):
    send = upload.send

    def change_and_send(*args):
        (data / "sub/b.bin").write_bytes(os.urandom(2 * MIB))
        return send(*args)

    monkeypatch.setattr(upload, "send", change_and_send)
    with pytest.raises(wandb.FileChanged, match=r"b\.bin changed while it was being logged; nothing was logged"):
        run.log_artifact(dataset(data))
    monkeypatch.setattr(upload, "send", send)
    assert list(wandb.Api().collection(f"{project}/training-dataset").versions()) == []
    run.log_artifact(dataset(data))


def test_addresses_that_expired_are_renewed(run, data, tmp_path, monkeypatch):
    # The signature is made wrong, which the store answers as it answers one that is too old.
    ask = upload._ask
    asked = []

    def expired_at_first(*args):
        answers = ask(*args)
        asked.append(args)
        if len(asked) <= 2:
            for place in answers:
                place["url"] = place["url"].replace("Signature=", "Signature=0")
        return answers

    monkeypatch.setattr(upload, "_ask", expired_at_first)
    artifact = run.log_artifact(dataset(data))
    assert len(asked) > 2
    assert contents(artifact.download(tmp_path / "down")) == contents(data)


def test_two_who_log_the_same_at_once_make_one_version(bob, project, data):
    with wandb.init(project=project) as run:
        made: list[wandb.Artifact] = []
        threads = [threading.Thread(target=lambda: made.append(run.log_artifact(dataset(data)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(made) == 4
    assert len({artifact.version for artifact in made}) == 1
    assert len(list(wandb.Api().collection(f"{project}/training-dataset").versions())) == 1


def test_a_viewer_may_not_log(sign_in, project, run, data):
    run.log_artifact(dataset(data))
    sign_in("vera")
    with pytest.raises(wandb.Denied):
        wandb.init(project=project, reinit=True)


def test_a_stranger_sees_nothing(sign_in, project, run, data):
    run.log_artifact(dataset(data))
    sign_in("mallory")
    with pytest.raises(wandb.NotFound):
        wandb.Api().artifact(f"{project}/training-dataset:latest")


def test_a_wrong_key_is_told(sign_in, stack, monkeypatch):
    monkeypatch.setenv("WANLLMDB_BASE_URL", stack.base_url)
    monkeypatch.setenv("WANLLMDB_API_KEY", "wllm_nonsense")
    with pytest.raises(wandb.AuthenticationError):
        wandb.init(project="x")
    monkeypatch.delenv("WANLLMDB_API_KEY")
    with pytest.raises(wandb.AuthenticationError, match="run `wanllmdb login`, or set WANLLMDB_API_KEY"):
        wandb.init(project="x")


def test_two_programs_that_send_the_same_large_file_both_end_well(bob, project, python, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(os.urandom(MIB) * (LARGE // MIB + 40))
    made: list[str] = []

    def log() -> None:
        made.append(
            python(f"""
import wanllmdb as wandb
from tests import servers
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
    assert made == [f"{project}/weights:v1"] * 3
    assert Path(wandb.Api().artifact(made[0]).file(tmp_path / "down")).read_bytes() == path.read_bytes()


def test_a_store_that_lost_what_was_sent_gets_it_again(run, data, stack, stored, tmp_path, monkeypatch):
    send = upload.send
    hands = servers.s3(stack.env)
    before = stored()

    def send_and_lose(*args):
        sent = send(*args)
        monkeypatch.setattr(upload, "send", send)
        for key in stored() - before:
            hands.delete_object(Bucket=stack.env["S3_BUCKET"], Key=key)
        return sent

    monkeypatch.setattr(upload, "send", send_and_lose)
    artifact = run.log_artifact(dataset(data))
    assert contents(artifact.download(tmp_path / "down")) == contents(data)
