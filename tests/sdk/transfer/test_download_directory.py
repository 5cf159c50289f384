import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.transfer.download_directory import DownloadDirectory, TempDir, download_lock


@pytest.fixture
def directory(tmp_path):
    return DownloadDirectory(tmp_path / "root")


def test_the_local_path_is_inside_the_directory(directory, tmp_path):
    assert directory.local_path("a/b/c.txt") == str(tmp_path / "root/a/b/c.txt")
    assert (tmp_path / "root/a/b").is_dir()


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "C:/x", "a\\..\\x"])
def test_a_path_that_leads_outside_is_rejected(directory, path):
    with pytest.raises(errors.InvalidPath):
        directory.local_path(path)


def test_nothing_is_written_through_a_link_to_a_directory(directory, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root/a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(errors.InvalidPath, match="is a link or a file, but the artifact has a directory there"):
        directory.local_path("a/b.txt")
    assert directory.stat_file("a/b.txt") is None


def test_nothing_is_written_through_a_broken_link(directory, tmp_path):
    (tmp_path / "root/a").symlink_to(tmp_path / "absent")
    with pytest.raises(errors.InvalidPath):
        directory.local_path("a/b.txt")
    assert not (tmp_path / "absent").exists()


def test_a_file_at_the_path_of_a_directory_is_an_error(directory, tmp_path):
    (tmp_path / "root/a").write_text("x")
    with pytest.raises(errors.InvalidPath):
        directory.local_path("a/b.txt")


def test_only_regular_files_count_as_existing(directory, tmp_path):
    (tmp_path / "root/link").symlink_to(tmp_path / "target")
    (tmp_path / "target").write_text("x")
    (tmp_path / "root/file").write_text("x")
    (tmp_path / "root/folder").mkdir()
    assert directory.stat_file("file")
    assert [directory.stat_file(path) for path in ("link", "folder", "absent", "file/below", "absent/below")] == [
        None
    ] * 5


def test_the_directory_itself_can_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert DownloadDirectory(tmp_path / "link").local_path("a") == str(tmp_path / "real/a")


def test_temporary_paths_are_unique(tmp_path):
    first, second = TempDir(str(tmp_path)), TempDir(str(tmp_path))
    assert len({first.new_path(), first.new_path(), second.new_path()}) == 3
    first.remove()
    second.remove()
    assert list(tmp_path.iterdir()) == []


def test_temporary_directories_of_crashed_processes_are_removed(tmp_path):
    script = f"""
from wanllmdb.sdk.transfer.download_directory import TempDir
open(TempDir({str(tmp_path)!r}).new_path(), "w").write("half")
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    (stale,) = tmp_path.iterdir()
    active = TempDir(str(tmp_path))
    assert not stale.exists()
    TempDir(str(tmp_path))
    assert Path(active.path).is_dir()


def test_only_one_process_downloads_to_a_directory_at_a_time(tmp_path):
    events = []
    entered = threading.Event()

    def second():
        with download_lock("/data", tmp_path, lambda: (events.append("second waits"), entered.set())):
            events.append("second is in")

    with download_lock("/data", tmp_path, lambda: events.append("first waits")):
        thread = threading.Thread(target=second)
        thread.start()
        assert entered.wait(10)
        events.append("first leaves")
    thread.join(10)
    assert events == ["second waits", "first leaves", "second is in"]


def test_every_directory_has_a_lock_of_its_own(tmp_path):
    """More directories than a short name of a lock could tell apart."""
    waits = []
    with ExitStack() as held:
        for number in range(600):
            held.enter_context(download_lock(f"/data/{number}", tmp_path, lambda: waits.append(1)))
    assert waits == []
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_root_that_is_no_directory(tmp_path):
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(errors.Invalid, match="is not a directory, or lies below a file"):
            DownloadDirectory(root)


def test_an_unwritable_cache_directory_raises_nothing(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with download_lock("/data", tmp_path / "file", lambda: None):
        pass
