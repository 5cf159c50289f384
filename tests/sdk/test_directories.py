"""Homes that are missing, not ours, or read-only: what is optional is never the reason to stop."""

import json
import os
import pwd
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import wanllmdb as wandb
from tests.sdk.network import ApiHandler, serve
from wanllmdb.sdk import settings
from wanllmdb.sdk.host_environment import directories


@pytest.fixture(scope="module")
def server():
    with serve(ApiHandler) as server:
        yield server


@pytest.fixture
def bob(monkeypatch, server) -> None:
    """Address and key are in the environment, which is all that is needed."""
    monkeypatch.setenv("WANLLMDB_BASE_URL", f"{server.url}\n")
    monkeypatch.setenv("WANLLMDB_API_KEY", "wllm_bob\n")


@pytest.fixture
def no_xdg(monkeypatch, home) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME")


@pytest.fixture
def nameless(monkeypatch) -> None:
    """A user whose number has no account, as containers have."""

    def getpwuid(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", getpwuid)
    monkeypatch.delenv("HOME")


def is_bob() -> bool:
    return wandb.Api().viewer["username"] == "bob"


# Nobody can make a directory in /proc, not even root.
@pytest.mark.parametrize("place", ["/dev/null", "/proc", "/does/not/exist", "relative", "", "/"])
def test_any_home_will_do(monkeypatch, bob, no_xdg, place):
    monkeypatch.setenv("HOME", place)
    monkeypatch.setenv("NETRC", f"{place}/.netrc")
    assert is_bob()


def test_a_user_without_home_and_name(bob, no_xdg, nameless, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert directories.home() is None
    assert is_bob()
    cache_dir = settings.load().cache_dir
    assert cache_dir == tmp_path / f"temporary/wanllmdb-{os.getuid()}"
    assert stat.S_IMODE(cache_dir.stat().st_mode) == 0o700
    monkeypatch.setenv("WANLLMDB_CACHE_DIR", "~/cache")
    with pytest.raises(wandb.Invalid, match="'~/cache' is in a home directory that does not exist: use the full path"):
        settings.load()
    # Nothing is called "~".
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]


def test_a_temporary_directory_that_others_can_change_is_not_used(nameless, no_xdg, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = tmp_path / f"wanllmdb-{os.getuid()}"
    path.symlink_to(tmp_path / "elsewhere")
    assert not str(directories.cache_dir()).startswith(str(tmp_path))
    path.unlink()
    path.mkdir()
    path.chmod(0o777)
    assert not str(directories.cache_dir()).startswith(str(tmp_path))


def test_an_empty_home_is_the_one_of_the_account(monkeypatch, no_xdg):
    monkeypatch.setenv("HOME", "")
    assert directories.home() == Path(pwd.getpwuid(os.getuid()).pw_dir)


def test_a_relative_xdg_path_is_ignored(monkeypatch, home, bob):
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    monkeypatch.setenv("XDG_CACHE_HOME", "./cache")
    assert settings.config_path() == home / ".config/wanllmdb/config.json"
    assert settings.load().cache_dir == home / ".cache/wanllmdb"


def test_a_relative_cache_directory_stays_where_it_is(monkeypatch, tmp_path, bob):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANLLMDB_CACHE_DIR", "cache")
    assert settings.load().cache_dir == tmp_path / "cache"
    monkeypatch.setenv("WANLLMDB_CACHE_DIR", "~/cache")
    assert settings.load().cache_dir == directories.home() / "cache"


def make_a_directory(path: Path) -> None:
    path.mkdir(parents=True)


def make_a_loop(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(path)


def make_its_directory_a_file(path: Path) -> None:
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.write_text("")


def make_it_empty(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("make", [make_a_directory, make_a_loop, make_its_directory_a_file, make_it_empty])
def test_a_config_file_that_cannot_be_opened_counts_as_missing(bob, make):
    make(settings.config_path())
    assert settings.read_config() == {}
    assert is_bob()


@pytest.mark.parametrize("make", [make_a_directory, make_a_loop, make_its_directory_a_file])
def test_a_netrc_that_cannot_be_opened_counts_as_missing(bob, monkeypatch, tmp_path, make):
    make(tmp_path / "a/netrc")
    monkeypatch.setenv("NETRC", str(tmp_path / "a/netrc"))
    monkeypatch.delenv("WANLLMDB_API_KEY")
    assert settings.load().api_key is None
    monkeypatch.setenv("NETRC", "~nobody-of-this-name/netrc")
    assert settings.load().api_key is None


def test_both_names_of_a_netrc_are_read(home):
    (home / "_netrc").write_bytes(b"machine x.example login u password wllm_x\r\n")
    assert settings.load(base_url="http://x.example:8000").api_key == "wllm_x"
    (home / ".netrc").write_bytes(b"\xff\xfe")
    assert settings.load(base_url="http://x.example:8000").api_key == "wllm_x"


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"project": 5}', '{"base_url": ["x"]}'])
def test_broken_contents_are_refused_without_showing_them(text):
    path = settings.config_path()
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(wandb.Invalid, match=str(path)):
        settings.load()
    path.write_bytes(b'\xff{"keys": {"x": "wllm_s3cret"}}')
    with pytest.raises(wandb.Invalid, match="not valid UTF-8") as error:
        settings.load()
    assert "s3cret" not in str(error.value)


def test_a_key_that_cannot_be_stored_is_used_in_this_process(monkeypatch, no_xdg, server, capsys):
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setattr(settings, "_logins", settings._Logins(None, {}))
    assert wandb.login("wllm_bob", server.url)
    message = capsys.readouterr().err
    assert "wanllmdb: The API key is valid, but cannot be stored in /dev/null/.config/wanllmdb/config.json" in message
    assert "Not a directory. Set WANLLMDB_API_KEY instead" in message
    assert is_bob()
    assert settings.load(base_url="http://other.example").api_key is None


def test_the_command_says_that_a_key_cannot_be_stored(monkeypatch, no_xdg, server):
    monkeypatch.setenv("HOME", "/dev/null")
    command = [sys.executable, "-W", "error", "-m", "wanllmdb", "login", "--base-url", server.url]
    result = subprocess.run(command, input="\ufeffwllm_s3cret\r\n", capture_output=True, text=True)
    assert (result.stdout, result.returncode) == ("", 1)
    assert result.stderr == (
        "wanllmdb: The API key is valid, but cannot be stored in /dev/null/.config/wanllmdb/config.json: "
        "Not a directory. Set WANLLMDB_API_KEY instead\n"
    )
    assert server.requests[-1][2]["Authorization"] == "Bearer wllm_s3cret"


def test_the_config_directory_is_for_its_owner_and_a_link_stays_one(home, tmp_path):
    old_umask = os.umask(0)
    try:
        path = settings.store_key("http://one.example", "wllm_one")
    finally:
        os.umask(old_umask)
    assert (stat.S_IMODE(path.parent.stat().st_mode), stat.S_IMODE(path.stat().st_mode)) == (0o700, 0o600)
    path.rename(tmp_path / "real.json")
    path.symlink_to(tmp_path / "real.json")
    settings.store_key("http://two.example", "wllm_two")
    assert path.is_symlink()
    assert list(json.loads((tmp_path / "real.json").read_text())["keys"]) == [
        "http://one.example",
        "http://two.example",
    ]


@pytest.mark.parametrize(
    "text, url",
    [
        (" http://x.example:8000/ \n", "http://x.example:8000"),
        ("HTTPS://X.Example//", "https://x.example"),
        ("http://x.example/registry/", "http://x.example/registry"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("http://[FE80::1]", "http://[fe80::1]"),
        ("http://bücher.example:80", "http://xn--bcher-kva.example:80"),
        ("http://my_service:8000", "http://my_service:8000"),
    ],
)
def test_the_url_of_a_server_is_cleaned(monkeypatch, text, url):
    monkeypatch.setenv("WANLLMDB_BASE_URL", text)
    assert settings.load().base_url == url


@pytest.mark.parametrize(
    "url",
    ["http://a b.example", "http://x.example:port", "http://x.example:99999", "http://[::1", "http://x..y", "x:80"],
)
def test_what_is_no_url_of_a_server_is_refused(monkeypatch, url):
    monkeypatch.setenv("WANLLMDB_BASE_URL", url)
    with pytest.raises(wandb.Invalid, match="is not the URL of a server"):
        settings.load()
