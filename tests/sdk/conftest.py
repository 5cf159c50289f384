"""A separate home directory for each test, without keys and settings of the person who runs the tests."""

import os
from pathlib import Path

import pytest

from wanllmdb.sdk import arguments, disabled_artifacts, process_end, session

NETWORK_VARIABLES = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "netrc"),
    *("requests_ca_bundle", "curl_ca_bundle", "ssl_cert_file", "ssl_cert_dir"),
)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("WANLLMDB_")]:
        monkeypatch.delenv(name)
    for name in [name for name in os.environ if name.lower() in NETWORK_VARIABLES]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    return home


@pytest.fixture(autouse=True)
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the SDK knows for as long as a process runs is nothing of the tests before."""
    monkeypatch.setattr(session, "_run", None)
    monkeypatch.setattr(session, "_runs_beside", [])
    monkeypatch.setattr(process_end, "_exit_outcome", None)
    monkeypatch.setattr(arguments, "_has_warned", set())
    monkeypatch.setattr(disabled_artifacts, "_collections", {})
