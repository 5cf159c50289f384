"""Versions and artifacts are deleted, their numbers are not used again, and what still refers to them says so."""

import os
import pty
import subprocess
import sys

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.http_client import Client


def draft(text: str, name: str = "data") -> wandb.Artifact:
    artifact = wandb.Artifact(name, "dataset")
    with artifact.new_file("a.txt") as file:
        file.write(text)
    return artifact


@pytest.fixture
def versions(run) -> list[wandb.Artifact]:
    return [run.log_artifact(draft("1"), aliases="first"), run.log_artifact(draft("2"))]


def test_aliases_are_a_reason_to_refuse(run, project, versions, stack):
    first, second = versions
    with pytest.raises(wandb.VersionHasAliases, match="Version v1 has the aliases first"):
        first.delete()
    collection = wandb.Api().collection(f"{project}/data")
    with pytest.raises(wandb.VersionHasAliases, match="Artifact 'data' has the aliases first"):
        collection.delete()
    rule = {"project": project, "pattern": "first", "role": "admin"}
    Client(stack.base_url, stack.key("alice")).post("/alias-rules", rule)
    for protected in (first, collection):
        with pytest.raises(wandb.AliasProtected, match="'first' is protected"):
            protected.delete(delete_aliases=True)
    # `latest` falls back by itself.
    second.delete()
    assert collection.all_aliases() == {"first": "v1", "latest": "v1"}


def test_numbers_go_on_and_objects_in_hand_say_what_is_gone(run, project, versions, tmp_path):
    first, second = versions
    first.delete(delete_aliases=True)
    gone = f"{project}/data:v1 was deleted|Version v1 of artifact 'data' was deleted"
    collection = wandb.Api().collection(f"{project}/data")
    used = first.logged_by()
    assert used is not None and used.id == run.id

    def expect_gone(version: wandb.Artifact, words: str) -> None:
        version.description, version.aliases = "new", [*version.aliases, "champion"]
        for operation in (
            version.files, version.used_by, version.save, version.delete, lambda: version.download(tmp_path / "down"),
            lambda: run.use_artifact(version), lambda: run.log_artifact(version, aliases="champion"),
            lambda: run.log_artifact(version, wait=False).wait(),
        ):  # fmt: skip
            with pytest.raises(wandb.VersionNotFound, match=words):
                operation()

    expect_gone(first, gone)
    collection.delete()
    expect_gone(second, f"{project}/data:v2 was deleted, or you no longer have access to it")
    for operation in (collection.all_aliases, collection.delete, lambda: list(collection.versions())):
        with pytest.raises(wandb.NotFound, match=f"{project}/data was deleted, or you no longer have access"):
            operation()
    assert run.log_artifact(draft("3")).version == "v3"
    for name in ("data:v1", "data:v2"):
        with pytest.raises(wandb.VersionNotFound, match=f"Version {name[-2:]} of artifact 'data' was deleted"):
            run.use_artifact(name)


def artifact(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wanllmdb", "artifact", *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)


def on_terminal(*arguments: str, answers: str) -> tuple[int, str]:
    """The command with somebody at a terminal who types the answers: exit code, and what is to be seen."""
    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "wanllmdb", "artifact", *arguments]
    process = subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside)
    os.close(inside)
    os.write(terminal, answers.encode())
    shown = b""
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:  # its end
        pass
    os.close(terminal)
    return process.wait(), shown.decode()


def test_rm(run, project, versions, monkeypatch):
    run.use_artifact("data:v1")
    name = f"{project}/data"
    refused = artifact("rm", f"{name}:v1", stdin=subprocess.DEVNULL)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "wanllmdb: There is no terminal to ask on: pass --yes to delete without being asked\n"
    assert artifact("rm", f"{name}:v1", "--yes").stderr.startswith("wanllmdb: Version v1 has the aliases first: ")
    for answers in ("n\n", "y\nn\n"):
        code, shown = on_terminal("rm", f"{name}:v1", "--delete-aliases", answers=answers)
        assert code == 1 and "Nothing was deleted" in shown
        assert f"Delete version {name}:v1 with 1 file, used by 1 run (aliases: first)? [y/N]" in " ".join(shown.split())
    code, shown = on_terminal("rm", f"{name}:first", "--delete-aliases", answers="y\ny\n")
    assert code == 0 and shown.rstrip().endswith(f"Deleted {name}:v1")

    # The team can be left out where the settings have it, by every command alike.
    monkeypatch.setenv("WANLLMDB_ENTITY", "acme")
    short = name.partition("/")[2]
    assert artifact("ls", short).stdout.startswith("v2\tlatest\t1\t1\t")
    assert (
        artifact("ls", project).stdout.split("\t")[:2] == artifact("ls", project.split("/")[1]).stdout.split("\t")[:2]
    )
    assert artifact("alias", "ls", short).stdout.startswith("latest\tv2")
    missing = artifact("ls", f"{project}-no")
    assert missing.stderr == f"wanllmdb: There is no project and no artifact '{project}-no'\n"
    monkeypatch.setenv("WANLLMDB_PROJECT", project)
    assert artifact("ls", "data").stdout.startswith("v2\t")
    done = artifact("rm", "data", "--yes", "--json")
    assert (done.stdout, done.stderr) == (f'{{\n  "deleted": "{name}"\n}}\n', "")
    assert artifact("rm", short, "--yes").returncode == 1
