"""Downloads from a manifest that a test writes: what happens to the files of a directory."""

import errno
import hashlib
import os
import time

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache.file_hashes import FileHashes
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.progress import ignore_progress
from wanllmdb.sdk.transfer import download, file_assembly, hashes, unrelated_files
from wanllmdb.sdk.transfer.download_directory import TEMP_PREFIX, DownloadDirectory
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile


class WrittenManifest:
    """The files of a version, each in an object of its own."""

    prefix = ""
    only = None

    def __init__(self, files, executables=()):
        self.files = files
        self.executables = executables

    def entry(self, path):
        content = self.files[path].encode()
        sha256 = hashlib.sha256(content).hexdigest()
        return Entry(path, len(content), sha256, executable=path in self.executables)

    def pages(self):
        for path in sorted(self.files):
            if path.startswith(self.prefix):
                yield [RemoteFile(self.entry(path), path, 0)]

    def locate(self, files):
        return [files]

    def download_range(self, url, start, length, write):
        write(self.files[url].encode()[start : start + length])


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def run(manifest, root, **options) -> int:
    return download.download(manifest, DownloadDirectory(root), None, ignore_progress, **options)


def contents(root):
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_a_complete_directory_is_not_written_to(root, monkeypatch):
    files = {"a": "1", "d/b": "2"}
    run(WrittenManifest(files), root)

    def refuse(*args, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    def open_to_read(path, flags, *args, open=os.open, **options):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse()
        return open(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", open_to_read)
    for name in ("mkdir", "replace", "rmdir", "unlink", "chmod"):
        monkeypatch.setattr(os, name, refuse)
    assert run(WrittenManifest(files, executables=["a"]), root) == 0
    assert run(WrittenManifest(files), root, exact=True) == 0
    with pytest.raises(errors.Invalid, match=r"cannot be written: Read-only.* 1 files .*differ .*\(d/b\)") as error:
        run(WrittenManifest({**files, "d/b": "other"}), root)
    assert error.value.problem["paths"] == ["d/b"]
    with pytest.raises(errors.Invalid, match=r"root/a is not part of the artifact and cannot be deleted"):
        run(WrittenManifest({"d/b": "2"}), root, exact=True)


def test_a_directory_that_cannot_be_looked_into_is_named(root, monkeypatch):
    manifest = WrittenManifest({"d/b": "2"})
    run(manifest, root)

    def refuse(*args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(errors.Invalid, match=r"root/ cannot be read: Permission denied"):
        run(manifest, root, exact=True)
    directory = DownloadDirectory(root)
    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(errors.Invalid, match=r"root/d/b cannot be read: Permission denied"):
        directory.stat_file("d/b")


def test_a_directory_that_cannot_be_made_is_named(root, monkeypatch):
    def refuse(*args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(errors.Invalid, match=r"root/a cannot be written: Permission denied"):
        run(WrittenManifest({"a": "1"}), root)
    assert contents(root) == {}


@pytest.mark.parametrize(("place", "name"), [(file_assembly, "_write_all"), (os, "mkdir"), (os, "replace")])
def test_a_full_disk_is_told_by_its_name(root, monkeypatch, place, name):
    def refuse(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    root.mkdir()
    monkeypatch.setattr(place, name, refuse)
    with pytest.raises(OSError, match=f"The disk of {root} is full .No space left on device.: free some") as refused:
        run(WrittenManifest({"a": "1"}), root)
    assert refused.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("other", ["lower", "UPPER"])
def test_two_paths_that_the_disk_takes_for_one_file_are_refused_by_name(root, monkeypatch, other):
    stat_file = DownloadDirectory.stat_file
    monkeypatch.setattr(DownloadDirectory, "stat_file", lambda self, path: stat_file(self, path.replace("A", "a")))
    with pytest.raises(errors.InvalidPath, match=r"'d/A\.txt' and 'd/a\.txt' are one file"):
        run(WrittenManifest({"d/A.txt": "UPPER", "d/a.txt": other}), root)


def test_other_bytes_in_one_file_are_refused_whatever_the_names(root):
    """A disk that drops what it does not take: here `long-name-2` leads to the file of `long-name-1`."""
    run(WrittenManifest({"long-name-1": "1"}), root)
    os.link(root / "long-name-1", root / "long-name-2")
    first, second = (WrittenManifest({"long-name-1": "1", "long-name-2": "2"}).entry(f"long-name-{n}") for n in (1, 2))
    (root / "long-name-1").write_text("2")
    with pytest.raises(errors.InvalidPath, match="are one file"):
        download.finish(DownloadDirectory(root), [first, second])


def test_hard_links_of_the_same_bytes_are_kept(root):
    root.mkdir()
    (root / "a").write_text("same")
    os.link(root / "a", root / "b")
    assert run(WrittenManifest({"a": "same", "b": "same"}), root) == 0


def test_executable_files_are_executable(root):
    manifest = WrittenManifest({"run.sh": "x", "copy.sh": "x", "data": "y"}, executables=["run.sh"])
    run(manifest, root)
    assert [os.access(root / name, os.X_OK) for name in ("run.sh", "copy.sh", "data")] == [True, False, False]
    (root / "run.sh").chmod(0o640)
    assert run(manifest, root) == 0
    assert (root / "run.sh").stat().st_mode & 0o777 == 0o750


def test_an_exact_download_deletes_everything_else(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/precious").touch()
    run(WrittenManifest({"a": "1", "old/b": "2", "file/below": "3", "folder": "4", "kept/c": "5"}), root)
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "kept/link").symlink_to("../a")
    (root / "empty/folder").mkdir(parents=True)
    other = root / f"{TEMP_PREFIX}other-host-1-x"
    other.mkdir()
    files = {"a": "1", "file": "6", "folder/below": "7", "kept/c": "5"}
    assert run(WrittenManifest(files), root, exact=True) == 2
    assert contents(root) == files
    assert sorted(path.name for path in root.iterdir()) == [other.name, "a", "file", "folder", "kept"]
    assert (tmp_path / "elsewhere/precious").exists()


def test_an_exact_download_below_a_prefix_leaves_the_rest_alone(root):
    files = {"train/a": "1", "train/b/c": "2", "test/a": "3"}
    run(WrittenManifest({**files, "train/b/d": "4", "train/e/f": "5", "training": "6"}), root)
    manifest = WrittenManifest(files)
    manifest.prefix = "train/"
    assert run(manifest, root, exact=True) == 0
    assert sorted(contents(root)) == ["test/a", "train/a", "train/b/c", "training"]


def test_an_exact_download_trusts_no_list_that_lacks_files(root):
    run(WrittenManifest({"a": "1", "b": "2"}), root)
    digest = hashes.version_digest((path, "0" * 64, 1) for path in "ab")
    with pytest.raises(errors.CorruptDownload):
        download.download(WrittenManifest({"a": "1"}), DownloadDirectory(root), digest, ignore_progress, exact=True)
    assert sorted(contents(root)) == ["a", "b"]


@pytest.mark.parametrize("above", [".", ".."])
def test_an_exact_download_spares_home_directories(home, above):
    (home / "precious").touch()
    with pytest.raises(errors.Invalid, match="which holds home directories"):
        run(WrittenManifest({"a": "1"}), home / above, exact=True)
    assert (home / "precious").exists()


def test_a_name_that_the_disk_writes_otherwise_is_not_unrelated(root, monkeypatch):
    """Some disks ignore case, and some decompose Unicode: then both names lead to the same file."""
    root.mkdir()
    for name in ("A.TXT", "e\u0301.txt", "other.txt"):
        (root / name).touch()
    assert sorted(unrelated_files.find(str(root), ["a.txt", "\u00e9.txt"])) == ["A.TXT", "e\u0301.txt", "other.txt"]
    monkeypatch.setattr(os.path, "samefile", lambda one, other: True)
    assert unrelated_files.find(str(root), ["a.txt", "\u00e9.txt"]) == ["other.txt"]
    unrelated_files.remove(str(root), ["a.txt", "\u00e9.txt"])
    assert sorted(path.name for path in root.iterdir()) == ["A.TXT", "e\u0301.txt"]


def test_files_that_look_as_they_did_are_not_read_again(root, tmp_path, monkeypatch):
    files = {"a": "1", "d/b": "2", "d/c": "3"}
    known = FileHashes(tmp_path / "cache")
    read: list[str] = []
    hash_files = hashes.hash_files

    def note(to_read, **options):
        to_read = list(to_read)
        read.extend(path for path, _ in to_read)
        return hash_files(to_read, **options)

    monkeypatch.setattr(hashes, "hash_files", note)
    # What was just written is not remembered: these files are ten seconds old.
    later = time.time_ns() + 10_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert run(WrittenManifest(files), root, known_hashes=known) == 3
    assert read == []
    assert run(WrittenManifest(files), root, known_hashes=known) == 0
    assert sorted(read) == sorted(files)
    read.clear()
    assert run(WrittenManifest(files), root, known_hashes=known) == 0
    assert read == []
    (root / "d/c").write_text("x")
    assert run(WrittenManifest(files), root, known_hashes=known) == 1
    assert read == ["d/c"]
    assert contents(root) == files


def test_a_new_directory_is_not_searched_for_each_file(root, monkeypatch):
    files = {f"d/{number}": "x" for number in range(50)}
    searched: list[str] = []
    stat_file = DownloadDirectory.stat_file

    def note(self, path):
        searched.append(path)
        return stat_file(self, path)

    monkeypatch.setattr(DownloadDirectory, "stat_file", note)
    assert run(WrittenManifest(files), root) == 50
    assert searched == []
    assert run(WrittenManifest(files), root) == 0
    assert sorted(searched) == sorted(files)
