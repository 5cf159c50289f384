import os
import socket
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.transfer import download_directory


@pytest.fixture
def artifact():
    return wandb.Artifact("data", "dataset")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder/sub").mkdir(parents=True)
    (tmp_path / "folder/a.txt").write_text("a")
    (tmp_path / "folder/sub/b.txt").write_text("b")
    return tmp_path / "folder"


def held(artifact) -> list[str]:
    return sorted(artifact._state.sources)


def test_a_file_keeps_its_name_or_gets_another(artifact, folder):
    assert artifact.add_file(folder / "a.txt") == "a.txt"
    assert artifact.add_file(str(folder / "a.txt"), name="train/first.txt") == "train/first.txt"
    assert held(artifact) == ["a.txt", "train/first.txt"]


def test_the_contents_of_a_directory_go_to_the_root_or_below_a_name(artifact, folder):
    artifact.add_dir(folder)
    artifact.add_dir(f"{folder}/", name="copy/")
    assert held(artifact) == ["a.txt", "copy/a.txt", "copy/sub/b.txt", "sub/b.txt"]


def test_links_are_followed_to_files_and_directories(artifact, folder, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/c.txt").write_text("c")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "c-too.txt").symlink_to(tmp_path / "outside/c.txt")
    artifact.add_dir(folder)
    assert held(artifact) == ["a.txt", "c-too.txt", "linked/c.txt", "sub/b.txt"]


def test_a_link_that_leads_in_a_circle_is_refused(artifact, folder):
    (folder / "sub/up").symlink_to(folder)
    with pytest.raises(wandb.Invalid, match="is a link to a directory that it lies in"):
        artifact.add_dir(folder)
    assert held(artifact) == []


def test_a_link_to_nothing_is_refused(artifact, folder):
    (folder / "dangling").symlink_to(folder / "absent")
    with pytest.raises(wandb.Invalid, match="dangling is a link to nothing"):
        artifact.add_dir(folder)


def test_sockets_and_pipes_are_refused(artifact, folder, monkeypatch):
    os.mkfifo(folder / "pipe")
    with pytest.raises(wandb.Invalid, match="pipe is not a regular file"):
        artifact.add_file(folder / "pipe")
    with pytest.raises(wandb.Invalid, match="pipe is not a regular file"):
        artifact.add_dir(folder)
    # The address of a socket is short.
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("listener")
        with pytest.raises(wandb.Invalid, match="listener is not a regular file"):
            artifact.add_file("listener")


def test_what_is_not_there_is_refused(artifact, folder):
    with pytest.raises(wandb.Invalid, match="absent does not exist"):
        artifact.add_file(folder / "absent")
    with pytest.raises(wandb.Invalid, match="is a directory: add it with add_dir"):
        artifact.add_file(folder)
    with pytest.raises(wandb.Invalid, match="is not a directory: add it with add_file"):
        artifact.add_dir(folder / "a.txt")


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../b", "", "a\\b", "C:/x"])
def test_no_name_leads_out_of_the_artifact(artifact, folder, name):
    with pytest.raises(wandb.InvalidPath):
        artifact.add_file(folder / "a.txt", name=name)
    with pytest.raises(wandb.InvalidPath), artifact.new_file(name):
        pass
    assert held(artifact) == []


def test_a_name_that_is_no_unicode_is_refused(artifact, tmp_path):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / os.fsdecode(b"caf\xe9")).write_text("x")
    with pytest.raises(wandb.InvalidPath, match="not valid UTF-8"):
        artifact.add_dir(tmp_path / "odd")


def test_a_path_is_one_files(artifact, folder):
    artifact.add_file(folder / "a.txt")
    artifact.add_file(folder / "a.txt")
    with pytest.raises(wandb.PathTaken, match="remove it first to replace it"):
        artifact.add_file(folder / "sub/b.txt", name="a.txt")
    artifact.remove("a.txt")
    artifact.add_file(folder / "sub/b.txt", name="a.txt")
    assert held(artifact) == ["a.txt"]


def test_a_path_is_not_a_file_and_a_directory(artifact, folder):
    artifact.add_file(folder / "a.txt", name="x")
    with pytest.raises(wandb.PathTaken, match="both a file and a directory"):
        artifact.add_file(folder / "a.txt", name="x/y")
    artifact.add_file(folder / "a.txt", name="d/e/f")
    with pytest.raises(wandb.PathTaken, match="both a file and a directory"):
        artifact.add_file(folder / "a.txt", name="d/e")


def test_a_directory_that_clashes_adds_nothing(artifact, folder):
    artifact.add_file(folder / "a.txt", name="sub/b.txt")
    with pytest.raises(wandb.PathTaken):
        artifact.add_dir(folder)
    assert held(artifact) == ["sub/b.txt"]


def test_a_new_file_is_added_when_it_is_written(artifact):
    with artifact.new_file("notes/readme.md") as file:
        file.write("für alle\n")
    with artifact.new_file("raw.bin", mode="wb") as file:
        file.write(b"\x00\xff")
    assert held(artifact) == ["notes/readme.md", "raw.bin"]
    assert Path(artifact._state.sources["notes/readme.md"]).read_bytes() == "für alle\n".encode()


def test_a_new_file_that_fails_is_not_added(artifact):
    with pytest.raises(ZeroDivisionError), artifact.new_file("readme.md") as file:
        file.write("half")
        raise ZeroDivisionError
    assert held(artifact) == []
    with pytest.raises(wandb.Invalid, match="opened for writing"), artifact.new_file("x", mode="r"):
        pass


def test_removing_what_is_not_there_is_told(artifact):
    with pytest.raises(wandb.NotFound, match=r"'x\.txt' is not in artifact 'data'"):
        artifact.remove("x.txt")


def test_leftovers_of_a_download_are_nobodys_content(artifact, folder):
    (folder / f"{download_directory.TEMPORARY_PREFIX}host-1-abc").mkdir()
    (folder / f"{download_directory.TEMPORARY_PREFIX}host-1-abc/1").write_text("half")
    artifact.add_dir(folder)
    assert held(artifact) == ["a.txt", "sub/b.txt"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda artifact: artifact.version,
        lambda artifact: artifact.aliases,
        lambda artifact: artifact.digest,
        lambda artifact: artifact.files(),
        lambda artifact: artifact.manifest,
        lambda artifact: artifact.download(),
        lambda artifact: artifact.verify(),
        lambda artifact: artifact.save(),
        lambda artifact: artifact.logged_by(),
    ],
)
def test_a_draft_says_that_it_is_not_logged(artifact, ask):
    with pytest.raises(wandb.NotLogged, match="artifact 'data' is not logged yet; log it with log_artifact"):
        ask(artifact)


def test_a_draft_waits_for_nothing(artifact):
    assert artifact.wait() is artifact


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "x" * 129])
def test_an_odd_name_is_refused_at_once(name):
    with pytest.raises(wandb.InvalidName):
        wandb.Artifact(name, "dataset")
