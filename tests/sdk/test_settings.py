import json
import os
import stat
from pathlib import Path

import pytest

from wanllmdb.sdk import errors, settings


def write_config(**config) -> Path:
    path = settings.config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config))
    return path


def test_the_default_is_a_server_on_this_machine(home):
    current = settings.load()
    assert (current.base_url, current.api_key, current.project, current.mode) == (
        "http://127.0.0.1:8000",
        None,
        None,
        "online",
    )
    assert current.cache_dir == home / "cache/wanllmdb"
    assert not current.silent


def test_arguments_override_the_environment_and_the_environment_the_file(monkeypatch):
    write_config(base_url="http://file.example", project="from-file", entity="team-file")
    assert settings.load().base_url == "http://file.example"
    monkeypatch.setenv("WANLLMDB_BASE_URL", "http://environment.example/")
    monkeypatch.setenv("WANLLMDB_PROJECT", "from-environment")
    current = settings.load(project="from-argument")
    assert (current.base_url, current.project, current.entity) == (
        "http://environment.example",
        "from-argument",
        "team-file",
    )


def test_every_setting_has_an_environment_variable(monkeypatch, tmp_path, home):
    for name, value in {
        "BASE_URL": "https://x.example",
        "API_KEY": "wllm_x",
        "PROJECT": "p",
        "ENTITY": "e",
        "MODE": "disabled",
        "CACHE_DIR": str(tmp_path),
        "SILENT": "true",
        "HASH_CACHE": "false",
        "CACHE_SIZE": "7GB",
        "CACHE_HARD_LINKS": "true",
        "SHARED_CACHES": f"{tmp_path}{os.pathsep}{os.pathsep}~/shared",
    }.items():
        monkeypatch.setenv(f"WANLLMDB_{name}", value)
    assert settings.load() == settings.Settings(
        *("https://x.example", "wllm_x", "p", "e", "disabled", tmp_path, True, False),
        cache_size=7 * 10**9,
        cache_hard_links=True,
        shared_caches=(tmp_path, home / "shared"),
    )


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("WANLLMDB_PROJECT", "")
    monkeypatch.setenv("WANLLMDB_SILENT", "0")
    assert settings.load().project is None
    assert not settings.load().silent


def test_a_key_is_stored_for_its_own_server_only():
    settings.store_key("http://one.example", "wllm_one")
    settings.store_key("http://two.example", "wllm_two")
    assert settings.load().base_url == "http://two.example"
    assert settings.load().api_key == "wllm_two"
    assert settings.load(base_url="http://one.example/").api_key == "wllm_one"
    assert settings.load(base_url="http://three.example").api_key is None


def test_only_the_owner_can_read_the_config_file():
    path = settings.store_key("http://one.example", "wllm_one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir() if "lock" not in file.name] == ["config.json"]


def test_netrc_is_used_last(home):
    (home / ".netrc").write_text(
        "machine one.example login user password wllm_netrc\ndefault login x password secret\n"
    )
    assert settings.load(base_url="https://one.example").api_key == "wllm_netrc"
    assert settings.load(base_url="https://two.example").api_key is None
    settings.store_key("https://one.example", "wllm_file")
    assert settings.load(base_url="https://one.example").api_key == "wllm_file"


def test_a_broken_netrc_is_ignored(home):
    (home / ".netrc").write_text("machine one.example nonsense")
    assert settings.load(base_url="https://one.example").api_key is None


def test_a_broken_config_file_is_named_in_the_error():
    path = write_config()
    path.write_text("{")
    with pytest.raises(errors.Invalid, match=str(path)):
        settings.load()


@pytest.mark.parametrize(
    "url", ["x.example", "ftp://x.example", "http://", "http://u:p@x.example", "http://x/?a=1", ""]
)
def test_an_invalid_url_is_rejected(url):
    with pytest.raises(errors.Invalid):
        settings.normalize_url(url)


def test_an_unknown_mode_is_rejected():
    assert settings.load(mode="offline").mode == "offline"
    with pytest.raises(errors.Invalid, match="Unknown mode 'dryrun'"):
        settings.load(mode="dryrun")
