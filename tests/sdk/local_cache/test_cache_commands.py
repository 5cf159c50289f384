"""`wanllmdb cache` on a machine without a server."""

import json
import os
import sys
import time

import pytest

from wanllmdb.sdk.cli.main import main


@pytest.fixture
def cli(monkeypatch, capsys, machine):
    """`cli("info")`: exit code, standard output, standard error."""

    def run_command(*arguments, group=("cache",)):
        monkeypatch.setenv("WANLLMDB_CACHE_DIR", str(machine.settings.cache_dir))
        monkeypatch.setattr(sys, "argv", ["wanllmdb", *group, *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, *capsys.readouterr()

    return run_command


@pytest.fixture
def cli_json(cli):
    def run_command(*arguments, code=0):
        exit_code, out, err = cli(*arguments, "--json")
        assert (exit_code, err) == (code, "")
        return json.loads(out)

    return run_command


@pytest.fixture
def filled(machine):
    machine.add(b"linked" * 1000)
    machine.add(b"alone" * 1000).unlink()
    machine.add_small(*(b"%d" % number for number in range(300)))
    return machine


def test_path_is_where_it_is(cli, cli_json, machine):
    assert cli("path") == (0, f"{machine.path}\n", "")
    assert cli_json("path") == {"path": str(machine.path)}


def test_info_says_how_much_is_there(cli, cli_json, filled, monkeypatch):
    info = cli_json("info")
    assert info["contents"] == 302
    assert info["size"] == sum(path.stat().st_size for path in filled.files())
    assert info["linked_size"] in (0, 6000)
    assert info["limit"] == 50 << 30
    monkeypatch.setenv("WANLLMDB_CACHE_SIZE", "0")
    monkeypatch.setenv("WANLLMDB_SHARED_CACHES", "/data/shared")
    _, out, _ = cli("info")
    assert "(switched off)" in out
    assert "Contents: 302\n" in out
    assert "Shared cache: /data/shared\n" in out


def test_an_empty_cache_is_no_error(cli_json):
    assert cli_json("info")["contents"] == 0
    assert cli_json("verify") == {"verified": 0, "broken": []}
    assert cli_json("prune") == {"deleted": 0, "deleted_size": 0, "size": 0}


def test_verify_deletes_what_is_broken(cli, cli_json, filled):
    assert cli_json("verify") == {"verified": 3, "broken": []}
    damaged = [path for path in filled.files() if path.suffix == ".pack" or path.read_bytes().startswith(b"linked")]
    for path in damaged:
        result = path.stat()
        content = bytearray(path.read_bytes())
        content[5] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(result.st_atime_ns, result.st_mtime_ns))
    verified = cli_json("verify", code=1)
    assert (verified["verified"], sorted(verified["broken"])) == (3, sorted(map(str, damaged)))
    assert len(filled.files()) == 1
    assert cli("verify")[:2] == (0, "Verified 1 files of the cache: 0 were broken\n")


def test_prune_leaves_a_size_or_what_was_used_of_late(cli, cli_json, filled):
    note = next(filled.path.glob("files/*/*-*"))
    for path in filled.files():
        if path != note:
            os.utime(path, (time.time() - 100_000,) * 2)
    assert cli_json("prune", "--older-than", "2d")["deleted"] == 0
    assert cli_json("prune", "--older-than", "1d")["deleted"] == 2
    assert filled.files() == [note]
    code, out, _ = cli("cleanup", "0B", group=("artifact", "cache"))
    assert (code, filled.files()) == (0, [])
    assert out.endswith(": 0 B left\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prune", "--size", "much"), "'much' is not a size"),
        (("prune", "--older-than", "yesterday"), "'yesterday' is not an age"),
    ],
)
def test_a_wrong_argument_deletes_nothing(cli, filled, arguments, message):
    before = filled.files()
    code, _, err = cli(*arguments)
    assert code == 1
    assert message in err
    assert filled.files() == before


def test_a_directory_that_others_may_write_to_is_refused(cli, filled):
    filled.path.chmod(0o777)
    for command in ("info", "verify", "prune"):
        code, _, err = cli(command)
        assert code == 1
        assert "is not a directory that only you can write to" in err
    assert len(filled.files()) == 3
