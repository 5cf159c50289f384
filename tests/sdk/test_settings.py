import json
import stat
from pathlib import Path

import pytest

from wanllmdb.sdk import errors, settings


def write_config(**stored) -> Path:
    path = settings.config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored))
    return path


def test_without_anything_it_is_the_server_of_this_machine(home):
    found = settings.load()
    assert (found.base_url, found.api_key, found.project, found.mode) == ("http://127.0.0.1:8000", None, None, "online")
    assert found.cache_dir == home / "cache/wanllmdb"
    assert not found.silent


def test_argument_beats_environment_beats_file(monkeypatch):
    write_config(base_url="http://file.example", project="from-file", entity="team-file")
    assert settings.load().base_url == "http://file.example"
    monkeypatch.setenv("WANLLMDB_BASE_URL", "http://environment.example/")
    monkeypatch.setenv("WANLLMDB_PROJECT", "from-environment")
    found = settings.load(project="from-argument")
    assert (found.base_url, found.project, found.entity) == (
        "http://environment.example",
        "from-argument",
        "team-file",
    )


def test_every_setting_has_its_variable(monkeypatch, tmp_path):
    for name, value in {
        "BASE_URL": "https://x.example",
        "API_KEY": "wllm_x",
        "PROJECT": "p",
        "ENTITY": "e",
        "MODE": "disabled",
        "CACHE_DIR": str(tmp_path),
        "SILENT": "true",
    }.items():
        monkeypatch.setenv(f"WANLLMDB_{name}", value)
    assert settings.load() == settings.Settings("https://x.example", "wllm_x", "p", "e", "disabled", tmp_path, True)


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("WANLLMDB_PROJECT", "")
    monkeypatch.setenv("WANLLMDB_SILENT", "0")
    assert settings.load().project is None
    assert not settings.load().silent


def test_a_key_is_kept_for_its_own_server_alone():
    settings.remember_key("http://one.example", "wllm_one")
    settings.remember_key("http://two.example", "wllm_two")
    assert settings.load().base_url == "http://two.example"
    assert settings.load().api_key == "wllm_two"
    assert settings.load(base_url="http://one.example/").api_key == "wllm_one"
    assert settings.load(base_url="http://three.example").api_key is None


def test_the_config_file_is_its_owners_alone():
    path = settings.remember_key("http://one.example", "wllm_one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [left.name for left in path.parent.iterdir() if "lock" not in left.name] == ["config.json"]


def test_netrc_is_the_last_resort(home):
    (home / ".netrc").write_text(
        "machine one.example login user password wllm_netrc\ndefault login x password secret\n"
    )
    assert settings.load(base_url="https://one.example").api_key == "wllm_netrc"
    assert settings.load(base_url="https://two.example").api_key is None
    settings.remember_key("https://one.example", "wllm_file")
    assert settings.load(base_url="https://one.example").api_key == "wllm_file"


def test_a_broken_netrc_is_no_key(home):
    (home / ".netrc").write_text("machine one.example nonsense")
    assert settings.load(base_url="https://one.example").api_key is None


def test_a_broken_config_file_is_named():
    path = write_config()
    path.write_text("{")
    with pytest.raises(errors.Invalid, match=str(path)):
        settings.load()


@pytest.mark.parametrize(
    "address", ["x.example", "ftp://x.example", "http://", "http://u:p@x.example", "http://x/?a=1", ""]
)
def test_an_odd_address_is_refused(address):
    with pytest.raises(errors.Invalid):
        settings.tidy_address(address)


def test_offline_is_not_supported():
    with pytest.raises(errors.Invalid, match="'offline' is not supported"):
        settings.load(mode="offline")
    with pytest.raises(errors.Invalid, match="Unknown mode 'dryrun'"):
        settings.load(mode="dryrun")
