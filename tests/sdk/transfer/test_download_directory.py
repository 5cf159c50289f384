import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.transfer import download_directory


@pytest.fixture
def root(tmp_path):
    return download_directory.Root(tmp_path / "root")


def test_a_path_lands_below_the_root(root, tmp_path):
    assert root.place("a/b/c.txt") == str(tmp_path / "root/a/b/c.txt")
    assert (tmp_path / "root/a/b").is_dir()


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "C:/x", "a\\..\\x"])
def test_nothing_is_placed_outside(root, path):
    with pytest.raises(errors.InvalidPath):
        root.place(path)


def test_nothing_is_written_through_a_link_to_a_directory(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root/a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(errors.InvalidPath, match="is a link or a file where the artifact has a directory"):
        root.place("a/b.txt")
    assert root.find("a/b.txt") is None


def test_nothing_is_written_through_a_link_to_nothing(root, tmp_path):
    (tmp_path / "root/a").symlink_to(tmp_path / "absent")
    with pytest.raises(errors.InvalidPath):
        root.place("a/b.txt")
    assert not (tmp_path / "absent").exists()


def test_a_file_in_the_way_of_a_directory_is_told(root, tmp_path):
    (tmp_path / "root/a").write_text("x")
    with pytest.raises(errors.InvalidPath):
        root.place("a/b.txt")


def test_only_plain_files_count_as_there(root, tmp_path):
    (tmp_path / "root/link").symlink_to(tmp_path / "target")
    (tmp_path / "target").write_text("x")
    (tmp_path / "root/file").write_text("x")
    (tmp_path / "root/folder").mkdir()
    assert root.find("file")
    assert [root.find(path) for path in ("link", "folder", "absent", "file/below", "absent/below")] == [None] * 5


def test_the_root_itself_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert download_directory.Root(tmp_path / "link").place("a") == str(tmp_path / "real/a")


def test_temporary_names_are_nobody_elses(tmp_path):
    first, second = download_directory.Temporary(str(tmp_path)), download_directory.Temporary(str(tmp_path))
    assert len({first.name(), first.name(), second.name()}) == 3
    first.remove()
    second.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_a_crash_left_is_taken_away_and_what_lives_is_not(tmp_path):
    script = f"from wanllmdb.sdk.transfer import download_directory; open(download_directory.Temporary({str(tmp_path)!r}).name(), 'w').write('half')"
    subprocess.run([sys.executable, "-c", script], check=True)
    (left,) = tmp_path.iterdir()
    living = download_directory.Temporary(str(tmp_path))
    assert not left.exists()
    download_directory.Temporary(str(tmp_path))
    assert Path(living.path).is_dir()


def test_only_one_downloads_to_a_directory_at_a_time(tmp_path):
    events = []
    entered = threading.Event()

    def second():
        with download_directory.alone("/data", tmp_path, lambda: (events.append("second waits"), entered.set())):
            events.append("second is in")

    with download_directory.alone("/data", tmp_path, lambda: events.append("first waits")):
        thread = threading.Thread(target=second)
        thread.start()
        assert entered.wait(10)
        events.append("first leaves")
    thread.join(10)
    assert events == ["second waits", "first leaves", "second is in"]


def test_a_cache_that_cannot_be_written_stops_nobody(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with download_directory.alone("/data", tmp_path / "file", lambda: None):
        pass
