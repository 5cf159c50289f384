"""Links to versions in collections: from a run, from an artifact, offline, and from the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def model(run, tmp_path: Path) -> wandb.Artifact:
    """v1 of `bert` in the project of the run."""
    return run.log_artifact(file_of(tmp_path, "weights"), "bert", "model")


def file_of(folder: Path, text: str) -> Path:
    path = folder / "weights.bin"
    path.write_text(text)
    return path


def command(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "wanllmdb", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_version_is_linked_used_and_unlinked(run, project, model, tmp_path):
    other = f"{project}-registry"
    wandb.Api().create_project(other)
    link = model.link(f"{other}/best", aliases=["production"])

    assert (link.qualified_name, sorted(link.aliases)) == (f"{other}/best:v0", ["latest", "production"])
    assert (link.is_link, model.is_link) == (True, False)
    assert link.source_artifact.id == model.id
    assert model.source_artifact.id == model.id
    assert link.source_qualified_name == model.source_qualified_name == f"{project}/bert:v1"
    source = (link.source_entity, link.source_project, link.source_name, link.source_version)
    assert source == (*project.split("/"), "bert", "v1")
    assert (link.collection.kind, link.source_collection.kind) == ("collection", "artifact")
    assert [item.id for item in model.linked_artifacts] == [link.id]
    assert link.linked_artifacts == []
    assert [item.qualified_name for item in wandb.Api().artifacts(other, kind="collection")] == [f"{other}/best"]
    assert [item.name for item in wandb.Api().artifacts(project, kind="artifact")] == ["bert"]

    # By its name it is found, used and downloaded as any version.
    used = run.use_artifact(f"{other}/best:production")
    assert Path(used.download(tmp_path / "down"), "weights.bin").read_text() == "weights"
    assert used.get_entry("weights.bin").sha256 == model.get_entry("weights.bin").sha256
    assert [item.id for item in run.used_artifacts()] == [link.id]

    # Twice is once, and a link of the link leads to the version.
    assert model.link(f"{other}/best", "staging").id == link.id
    assert link.link(f"{other}/second").source_artifact.id == model.id
    with pytest.raises(wandb.Conflict, match="link"):
        model.delete(delete_aliases=True)
    for item in model.linked_artifacts:
        item.unlink()
    assert model.linked_artifacts == []
    assert not wandb.Api().artifact_exists(f"{other}/best:production")
    model.delete(delete_aliases=True)


def test_what_cannot_be_linked_says_so(run, project, model, tmp_path):
    with pytest.raises(wandb.Invalid, match="is no link"):
        model.unlink()
    with pytest.raises(wandb.LinkRefused, match="not a collection"):
        model.link("bert")
    with pytest.raises(wandb.NotFound, match="Project 'acme/nowhere' not found"):
        model.link("acme/nowhere/best")
    with pytest.raises(wandb.Invalid, match="names a version"):
        model.link("best:v1")
    with pytest.raises(wandb.NotLogged):
        wandb.Artifact("draft", "model").link("best")
    model.link("best")
    with pytest.raises(wandb.TypeDiffers):
        run.log_artifact(file_of(tmp_path, "rows"), "rows", "dataset").link("best")
    with pytest.raises(wandb.LinkRefused, match="link"):
        run.log_artifact(file_of(tmp_path, "more"), "best", "model")


def test_a_link_to_what_one_does_not_see_has_no_source(model):
    link = model.link("best")
    record = {**link._logged("test").record, "linked_from": {"version_id": None, "full_name": None, "version": None}}
    hidden = wandb.Artifact._from_record(link._logged("test").connection, record)
    assert hidden.is_link
    with pytest.raises(wandb.NotFound, match="no access"):
        _ = hidden.source_name
    with pytest.raises(wandb.NotFound, match="no access"):
        _ = hidden.source_artifact


def test_who_sees_the_link_alone_downloads_its_files(stack, run, project, tmp_path):
    """Each from the server, for their pack and their pieces are for those who see the project."""
    for name, body in {"a.txt": b"a", "b/b.txt": b"bb", "empty": b"", "large.bin": b"0123456789" * 3_000_000}.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(body)
    version = run.log_artifact(tmp_path / "data", "set", "dataset")
    admin = Client(stack.base_url, stack.key("alice"))
    admin.post("/projects", {"team": "acme", "name": f"{project.split('/')[1]}-open", "visibility": "internal"})
    link = version.link(f"{project}-open/best")
    others = wandb.Api(stack.base_url, stack.key("mallory"))
    with pytest.raises(wandb.NotFound):
        others.artifact(version.qualified_name)
    theirs = others.artifact(link.qualified_name)
    theirs.download(tmp_path / "theirs", skip_cache=True)
    theirs.verify(tmp_path / "theirs")
    assert (tmp_path / "theirs/b/b.txt").read_bytes() == b"bb"
    with pytest.raises(wandb.NotFound, match="a project that you have no access to"):
        _ = theirs.source_artifact


def test_a_run_links_what_it_logs(run, project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draft = wandb.Artifact("bert", "model")
    draft.add_file(file_of(tmp_path, "first"))
    link = run.link_artifact(draft, "best", aliases=["production"])
    assert (link.qualified_name, link.source_version) == (f"{project}/best:v0", "v1")

    link = run.link_model(file_of(tmp_path, "second"), f"churn-{run.id[:8]}", "bert", ["candidate"])
    assert link.qualified_name == f"acme/model-registry/churn-{run.id[:8]}:v0"
    assert ("candidate" in link.aliases, link.source_version) == (True, "v2")
    assert Path(run.use_model(link.qualified_name)).read_text() == "second"


def test_an_offline_run_links_when_it_is_sent(bob, project, tmp_path, monkeypatch):
    monkeypatch.setenv("WANLLMDB_MODE", "offline")
    with wandb.init(project=project) as run:
        artifact = run.log_artifact(file_of(tmp_path, "weights"), "bert", "model")
        assert run.link_artifact(artifact, "best", "production") is artifact
        run.link_model(file_of(tmp_path, "more"), f"offline-{run.id[:8]}", "bert")
        with pytest.raises(wandb.Invalid, match="needs a server"):
            artifact.link("best")
    monkeypatch.delenv("WANLLMDB_MODE")
    command("sync")
    link = wandb.Api().artifact(f"{project}/best:production")
    assert link.source_qualified_name == f"{project}/bert:v1"
    assert wandb.Api().artifact(f"acme/model-registry/offline-{run.id[:8]}:v0").source_version == "v2"
    command("sync")
    assert wandb.Api().collection(f"{project}/best").version_count == 1


def test_an_offline_run_without_a_team_links_where_it_is_sent(bob, tmp_path, monkeypatch):
    """Offline nobody knows which team that is."""
    team = wandb.Api().default_entity
    monkeypatch.setenv("WANLLMDB_MODE", "offline")
    with wandb.init(project="nobodys-links") as run:
        artifact = run.log_artifact(file_of(tmp_path, "weights"), "bert", "model")
        best = f"best-{run.id[:8]}"
        assert run.link_artifact(artifact, best, "production") is artifact
        run.link_artifact(artifact, f"nobodys-links/{best}-too")
        run.link_model(file_of(tmp_path, "more"), best, "bert")
        for wrong in ("best:v1", "a/b/c/d", ""):
            with pytest.raises(wandb.Invalid):
                run.link_artifact(artifact, wrong)
    monkeypatch.delenv("WANLLMDB_MODE")
    command("sync")
    source = wandb.Api().artifact(f"{team}/nobodys-links/{best}:production").source_qualified_name
    assert source.startswith(f"{team}/nobodys-links/bert:v")
    for name in (f"nobodys-links/{best}-too", f"model-registry/{best}"):
        assert wandb.Api().collection(f"{team}/{name}").version_count == 1


def test_nothing_is_linked_in_mode_disabled(tmp_path, monkeypatch):
    monkeypatch.setenv("WANLLMDB_MODE", "disabled")
    with wandb.init(project="acme/none") as run:
        artifact = run.log_artifact(file_of(tmp_path, "weights"), "bert", "model")
        assert run.link_artifact(artifact, "best", "production") is artifact
        assert run.link_model(file_of(tmp_path, "weights"), "best", "bert").version == "v2"
        assert not artifact.is_link


def test_the_command_line_links_lists_and_unlinks(run, project, model):
    name = f"{project}/bert:v1"
    assert command("artifact", "link", name, "best", "--alias", "production").endswith(f"Linked as {project}/best:v0\n")
    shown = json.loads(command("artifact", "ls", f"{project}/best", "--json"))
    assert [(item["version"], item["source"]) for item in shown] == [("v0", name)]
    assert name in command("artifact", "ls", f"{project}/best")
    assert "source" not in json.loads(command("artifact", "ls", f"{project}/bert", "--json"))[0]
    command("artifact", "unlink", "--delete-aliases", f"{project}/best:production")
    assert json.loads(command("artifact", "ls", f"{project}/best", "--json")) == []
