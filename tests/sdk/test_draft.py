import os
import shutil
import socket
import unicodedata
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import connection, draft_files
from wanllmdb.sdk.host_environment import directories
from wanllmdb.sdk.progress import Transfer
from wanllmdb.sdk.transfer.download_directory import TEMP_PREFIX


@pytest.fixture
def artifact():
    return wandb.Artifact("data", "dataset")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder/sub").mkdir(parents=True)
    (tmp_path / "folder/a.txt").write_text("a")
    (tmp_path / "folder/sub/b.txt").write_text("b")
    return tmp_path / "folder"


def paths(artifact) -> list[str]:
    return sorted(artifact._state.sources)


def test_a_file_has_its_own_name_or_another(artifact, folder):
    assert artifact.add_file(folder / "a.txt") == "a.txt"
    assert artifact.add_file(str(folder / "a.txt"), name="train/first.txt") == "train/first.txt"
    assert paths(artifact) == ["a.txt", "train/first.txt"]


def test_the_contents_of_a_directory_go_to_the_root_or_below_a_name(artifact, folder):
    artifact.add_dir(folder)
    artifact.add_dir(f"{folder}/", name="copy/")
    assert paths(artifact) == ["a.txt", "copy/a.txt", "copy/sub/b.txt", "sub/b.txt"]


def test_links_to_files_and_directories_are_followed(artifact, folder, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/c.txt").write_text("c")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "c-too.txt").symlink_to(tmp_path / "outside/c.txt")
    artifact.add_dir(folder)
    assert paths(artifact) == ["a.txt", "c-too.txt", "linked/c.txt", "sub/b.txt"]


def test_a_circular_link_is_rejected(artifact, folder):
    (folder / "sub/up").symlink_to(folder)
    with pytest.raises(wandb.Invalid, match="is a symbolic link to a directory that contains it"):
        artifact.add_dir(folder)
    assert paths(artifact) == []


def test_a_broken_link_is_rejected(artifact, folder):
    (folder / "dangling").symlink_to(folder / "absent")
    with pytest.raises(wandb.Invalid, match="dangling is a broken symbolic link"):
        artifact.add_dir(folder)


def test_sockets_and_pipes_are_rejected(artifact, folder, monkeypatch):
    os.mkfifo(folder / "pipe")
    with pytest.raises(wandb.Invalid, match="pipe is not a regular file"):
        artifact.add_file(folder / "pipe")
    with pytest.raises(wandb.Invalid, match="pipe is not a regular file"):
        artifact.add_dir(folder)
    # The path of a socket must be short.
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("listener")
        with pytest.raises(wandb.Invalid, match="listener is not a regular file"):
            artifact.add_file("listener")


@pytest.mark.parametrize("method", ["add_file", "add_dir"])
def test_an_empty_path_is_not_the_current_directory(artifact, method):
    """As that of a variable that has no value."""
    with pytest.raises(wandb.Invalid, match=r"The path is empty: write '\.' for the current directory"):
        getattr(artifact, method)("")
    assert artifact.file_count == 0


def test_missing_and_wrong_kinds_of_files_are_rejected(artifact, folder):
    with pytest.raises(wandb.Invalid, match="absent does not exist"):
        artifact.add_file(folder / "absent")
    with pytest.raises(wandb.Invalid, match="is a directory: add it with add_dir"):
        artifact.add_file(folder)
    with pytest.raises(wandb.Invalid, match="is not a directory: add it with add_file"):
        artifact.add_dir(folder / "a.txt")


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../b", "", "a\\b", "C:/x"])
def test_an_unsafe_path_is_rejected(artifact, folder, name):
    with pytest.raises(wandb.InvalidPath):
        artifact.add_file(folder / "a.txt", name=name)
    with pytest.raises(wandb.InvalidPath), artifact.new_file(name):
        pass
    assert paths(artifact) == []


def test_a_path_that_is_not_unicode_is_rejected(artifact, tmp_path):
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / os.fsdecode(b"caf\xe9")).write_text("x")
    with pytest.raises(wandb.InvalidPath, match="not valid UTF-8"):
        artifact.add_dir(tmp_path / "odd")


def test_two_files_cannot_have_the_same_path(artifact, folder):
    artifact.add_file(folder / "a.txt")
    artifact.add_file(folder / "a.txt")
    with pytest.raises(wandb.PathTaken, match="to replace it, remove it first"):
        artifact.add_file(folder / "sub/b.txt", name="a.txt")
    artifact.remove("a.txt")
    artifact.add_file(folder / "sub/b.txt", name="a.txt")
    assert paths(artifact) == ["a.txt"]


def test_a_path_cannot_be_a_file_and_a_directory(artifact, folder):
    artifact.add_file(folder / "a.txt", name="x")
    with pytest.raises(wandb.PathTaken, match="both a file and a directory"):
        artifact.add_file(folder / "a.txt", name="x/y")
    artifact.add_file(folder / "a.txt", name="d/e/f")
    with pytest.raises(wandb.PathTaken, match="both a file and a directory"):
        artifact.add_file(folder / "a.txt", name="d/e")


def test_a_directory_with_a_conflict_adds_nothing(artifact, folder):
    artifact.add_file(folder / "a.txt", name="sub/b.txt")
    with pytest.raises(wandb.PathTaken):
        artifact.add_dir(folder)
    assert paths(artifact) == ["sub/b.txt"]


def test_a_new_file_is_added_after_it_is_written(artifact):
    with artifact.new_file("notes/readme.md") as file:
        file.write("für alle\n")
    with artifact.new_file("raw.bin", mode="wb") as file:
        file.write(b"\x00\xff")
    assert paths(artifact) == ["notes/readme.md", "raw.bin"]
    assert Path(artifact._state.sources["notes/readme.md"]).read_bytes() == "für alle\n".encode()


def test_a_new_file_that_fails_is_not_added(artifact):
    with pytest.raises(ZeroDivisionError), artifact.new_file("readme.md") as file:
        file.write("half")
        raise ZeroDivisionError
    assert paths(artifact) == []
    with pytest.raises(wandb.Invalid, match="opens a file for writing"), artifact.new_file("x", mode="r"):
        pass


def test_removing_a_missing_file_is_an_error(artifact):
    with pytest.raises(wandb.NotFound, match=r"'x\.txt' is not in artifact 'data'"):
        artifact.remove("x.txt")


def test_temporary_files_of_a_download_are_not_added(artifact, folder):
    (folder / f"{TEMP_PREFIX}host-1-abc").mkdir()
    (folder / f"{TEMP_PREFIX}host-1-abc/1").write_text("half")
    artifact.add_dir(folder)
    assert paths(artifact) == ["a.txt", "sub/b.txt"]


@pytest.mark.parametrize(
    "read",
    [
        lambda artifact: artifact.version,
        lambda artifact: artifact.aliases,
        lambda artifact: artifact.digest,
        lambda artifact: artifact.download(),
        lambda artifact: artifact.verify(),
        lambda artifact: artifact.save(),
        lambda artifact: artifact.logged_by(),
    ],
)
def test_a_draft_has_no_version(artifact, read):
    with pytest.raises(wandb.NotLogged, match="artifact 'data' is not logged yet; log it with log_artifact"):
        read(artifact)


def test_a_draft_answers_for_what_was_added_so_far(artifact, folder):
    assert (artifact.file_count, artifact.size, artifact.files(), len(artifact.manifest)) == (0, 0, [], 0)
    artifact.add_dir(folder)
    (folder / "sub/b.txt").chmod(0o755)
    artifact.add_file(folder / "sub/b.txt", name="run")
    assert (artifact.file_count, artifact.size) == (3, 3)
    assert [(file.path, file.size, file.executable) for file in artifact.files()] == [
        ("a.txt", 1, False),
        ("run", 1, True),
        ("sub/b.txt", 1, False),
    ]
    assert "sub/b.txt" in artifact.manifest and artifact.manifest["./a.txt"].size == 1
    assert artifact.get_entry(Path("sub/b.txt")).name == "b.txt"
    with pytest.raises(wandb.NotFound):
        artifact.get_path("absent")
    with pytest.raises(wandb.NotLogged):
        artifact.get_entry("a.txt").download()


def read_files(artifact):
    return draft_files.read(connection.connect(silent=True), artifact._state, Transfer(artifact.name))


@pytest.mark.parametrize("content", ["same size {}", "x" * 1_100_000 + "{}"], ids=["small", "large"])
def test_a_file_that_is_written_again_after_it_was_added_is_noticed(artifact, tmp_path, content):
    path = tmp_path / "last.pt"
    for epoch in range(3):
        path.write_text(content.format(epoch))
        artifact.add_file(path, name=f"epoch-{epoch}.pt")
    with pytest.raises(wandb.FileChanged, match=r"last\.pt has changed since it was added; nothing was logged"):
        read_files(artifact)
    artifact.remove("epoch-0.pt")
    artifact.add_file(path, name="epoch-1.pt")
    assert len(read_files(artifact)) == 2


def test_other_changes_after_adding(artifact, folder, tmp_path):
    artifact.add_dir(folder)
    (folder / "a.txt").write_text("a")  # again, with the same bytes
    (folder / "sub/b.txt").chmod(0o600)
    assert len(read_files(artifact)) == 2
    before = (folder / "a.txt").stat()
    (tmp_path / "other").write_text("A")
    os.utime(tmp_path / "other", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "other").replace(folder / "a.txt")
    with pytest.raises(wandb.FileChanged, match=r"a\.txt has changed"):
        read_files(artifact)
    shutil.rmtree(folder)
    with pytest.raises(wandb.FileChanged, match=r"a\.txt was removed since it was added"):
        read_files(artifact)


def test_paths_can_be_written_in_every_way(artifact, folder, home, monkeypatch):
    monkeypatch.chdir(folder)
    shutil.copytree(folder, home / "data")
    decomposed = unicodedata.normalize("NFD", "é.txt")
    (home / "data" / decomposed).write_text("é")
    artifact.add_dir("~/data", name="./home/")
    artifact.add_dir(Path("~/data/sub"), name=Path("more/sub"))
    artifact.add_file("~/data/a.txt", name="./a.txt")
    artifact.add_file("./a.txt", name=Path("b//c.txt"))
    (folder / "~$lock.docx").touch()
    artifact.add_file("~$lock.docx")
    artifact.remove("~$lock.docx")
    with artifact.new_file(Path("./notes.md")) as file:
        file.write("x")
    assert paths(artifact) == [
        *("a.txt", "b/c.txt", "home/a.txt", "home/sub/b.txt", "home/é.txt", "more/sub/b.txt", "notes.md")
    ]
    assert artifact.get_entry(f"home/{decomposed}").path == "home/é.txt"
    assert f"home/{decomposed}" in artifact.manifest and artifact.manifest[f"home/{decomposed}"].size == 2
    entries = artifact.manifest.entries
    assert entries[f"home/{decomposed}"] is entries.get(Path("home/é.txt")) and f"./home/{decomposed}" in entries
    assert (entries.get("absent"), 5 in entries) == (None, False)
    artifact.remove(f"./home/{decomposed}")
    artifact.remove(Path("b/c.txt"))
    artifact.remove(artifact.get_entry("notes.md"))
    artifact.remove("home/")
    assert paths(artifact) == ["a.txt", "more/sub/b.txt"]


def test_the_home_directory_of_nobody(artifact, monkeypatch):
    monkeypatch.setattr(directories, "home", lambda: None)
    with pytest.raises(wandb.Invalid, match="is in a home directory that does not exist"):
        artifact.add_file("~/a.txt")
    for nothing in (None, 3):
        with pytest.raises(wandb.Invalid, match="takes a path, not"):
            artifact.add_file(nothing)


@pytest.mark.parametrize("name", ["train/", "a" * 256, f"{TEMP_PREFIX}x/y"])
def test_what_could_not_come_back_out_is_rejected(artifact, folder, name):
    with pytest.raises(wandb.InvalidPath):
        artifact.add_file(folder / "a.txt", name=name)


@pytest.mark.parametrize("type", ["raw-data", "", "Dataset", None])
def test_an_unknown_type_is_rejected_immediately(type):
    with pytest.raises(wandb.InvalidName, match="use one of model, dataset, file, code"):
        wandb.Artifact("data", type)


def test_files_are_left_out(artifact, folder):
    (folder / ".venv/lib").mkdir(parents=True)
    (folder / ".venv/lib/x.py").touch()
    (folder / "sub/c.pyc").touch()
    os.mkfifo(folder / ".venv/pipe")
    (folder / "dangling.pyc").symlink_to("absent")
    artifact.add_dir(folder, exclude=["*.pyc", ".venv/**"])
    assert paths(artifact) == ["a.txt", "sub/b.txt"]
    artifact.add_dir(folder, name="less", exclude="[!a]*")
    assert paths(artifact) == ["a.txt", "less/a.txt", "sub/b.txt"]


def test_a_file_says_what_is_left_out(artifact, folder):
    (folder / ".wanllmdbignore").write_text("# temporary\n*.txt\r\n!a.txt\n", newline="")
    (folder / "sub/.wanllmdbignore").write_text("!/b.txt\nlogs/\n")
    (folder / "sub/logs").mkdir()
    for name in ("sub/c.txt", "sub/logs/d", "sub/deep.txt"):
        (folder / name).touch()
    artifact.add_dir(folder)
    assert paths(artifact) == ["a.txt", "sub/b.txt"]
    other = wandb.Artifact("other", "dataset")
    other.add_dir(folder, exclude="b.txt")
    assert paths(other) == ["a.txt"]


def test_wait_returns_the_draft(artifact):
    assert artifact.wait() is artifact


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "x" * 129])
def test_an_invalid_name_is_rejected_immediately(name):
    with pytest.raises(wandb.InvalidName):
        wandb.Artifact(name, "dataset")
