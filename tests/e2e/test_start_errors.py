"""What stands in the way of a start is one sentence each."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy import ports, var_directory
from deploy.stack import postgres
from harness import servers


def test_without_python(tmp_path):
    bin_directory = tmp_path / "bin"
    bin_directory.mkdir()
    for program in ("bash", "basename", "cat", "cksum", "dirname", "env"):
        (bin_directory / program).symlink_to(str(shutil.which(program)))
    refused = subprocess.run(
        [servers.ROOT / "deploy/venv.sh", tmp_path / "venv", servers.ROOT / "requirements.txt"],
        env={"PATH": str(bin_directory)},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("wanLLMDB requires Python 3.11 or newer")
    assert refused.stderr.count("\n") == 1


def test_a_full_disk(tmp_path):
    with pytest.raises(SystemExit, match="is full: make room"), var_directory.report_full_disk(tmp_path):
        Path("/dev/full").write_text("more than fits")


def test_a_disk_that_is_almost_full(tmp_path, monkeypatch):
    monkeypatch.setattr(var_directory, "MIN_FREE_BYTES", 2**80)
    with pytest.raises(SystemExit, match="MiB are free at"):
        var_directory.create(tmp_path / "var")


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none(port):
    with pytest.raises(SystemExit, match="is not a port"):
        ports.free_web_port(port)


def test_other_errors_are_not_mistaken_for_a_full_disk(tmp_path):
    with pytest.raises(PermissionError), var_directory.report_full_disk(tmp_path):
        raise PermissionError(13, os.strerror(13))


def test_postgres_of_a_version_that_is_gone(tmp_path):
    (tmp_path / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(SystemExit, match=r"was made by PostgreSQL 9\.6, which is not installed"):
        postgres.find_programs(tmp_path)


def test_a_directory_that_postgres_may_not_enter(tmp_path):
    tmp_path.chmod(0)
    nobody = pwd.getpwnam("nobody") if os.getuid() == 0 else None
    with pytest.raises(SystemExit, match=f"may not enter {tmp_path}|may not enter /"):
        postgres.check_passage(tmp_path / "postgres", nobody or pwd.getpwuid(os.getuid()))
