"""A separate home directory for each test, without keys and settings of the person who runs the tests."""

import os
from pathlib import Path

import pytest

from wanllmdb.sdk import disabled_artifacts

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
def nothing_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode `disabled` numbers the versions of a process on: those of a test before are not of this one."""
    monkeypatch.setattr(disabled_artifacts, "_collections", {})
