"""`wanllmdb records` does the same wherever the records are."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from wanllmdb.sdk.cli.main import main

ABSENT = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


class Terminal(io.TextIOWrapper):
    """What is typed at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def cli(home, tmp_path, monkeypatch, capfdbinary):
    """`cli("ls", address)`: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["wanllmdb", "records", *map(str, arguments)])
        text = stdin if isinstance(stdin, Terminal) else io.TextIOWrapper(io.BytesIO(stdin))
        monkeypatch.setattr(sys, "stdin", text)
        capfdbinary.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run_command


@pytest.fixture
def ok(cli):
    """What a successful command prints."""

    def run_command(*arguments, **options):
        code, out, err = cli(*arguments, **options)
        assert (code, err) == (0, "")
        return out.strip()

    return run_command


@pytest.fixture
def address(new_address, ok, place) -> str:
    """Labels are given by `init` where the records are in a database; a server has them from the start."""
    address = new_address()
    if place != "server":
        ok("init", address, "--name", "pipeline", "-l", "experiment", "-l", "model", "-l", "2=predictions")
    return address


def test_records_from_the_first_to_the_last(ok, cli, address):
    experiment = ok("put", address, "--data", '{"name": "rain", "n": 1, "code": "42"}', "--tag", "eu")
    model = ok("put", address, "-", "-p", experiment, stdin=b'{"metrics": {"rmse": 0.25}}')
    assert len(experiment) == len(model) == 26
    Path("table.csv").write_text("city,celsius\noslo,4.5\n")
    table = ok("put", address, "table.csv", "-p", model.lower(), "--data", '{"days": 1}')

    assert ok("tree", address).splitlines() == [
        f"experiment  {experiment}  name=rain, n=1, code=42",
        f"└── model  {model}",
        f"    └── predictions  {table}  name=table.csv, content_type=text/csv, days=1",
    ]
    assert ok("tree", address, experiment, "--depth", "1").splitlines()[2] == "    └── … 1 more"
    tree = json.loads(ok("tree", address, experiment, "--json"))
    assert tree["children"][0]["children"][0]["id"] == table

    assert [line.split("\t")[0] for line in ok("ls", address).splitlines()] == [experiment, model, table]
    for conditions, expected in [
        (["--level", "1"], [model]),
        (["--parent", "none"], [experiment]),
        (["--parent", model], [table]),
        (["--tag", "eu"], [experiment]),
        (["--where", "name=rain", "--where", "n=1"], [experiment]),
        (["--where", 'code="42"'], [experiment]),
        (["--where", "metrics.rmse=0.25"], [model]),
        (["--where", "metrics.rmse=0.5"], []),
        (["--limit", "1"], [experiment]),
    ]:
        assert [row["id"] for row in json.loads(ok("ls", address, *conditions, "--json"))] == expected, conditions

    found = json.loads(ok("get", address, table, "--json"))
    assert (found["level"], found["level_label"], found["data"]["days"]) == (2, "predictions", 1)
    assert [above["id"] for above in found["ancestors"]] == [experiment, model]
    (payload,) = found["payloads"]
    assert (payload["pointer"], payload["kind"]) == ("/content", "frame")
    assert f"Below:   experiment {experiment} › model {model}" in ok("get", address, table)

    assert ok("download", address, table, "-o", "-") == "city,celsius\noslo,4.5"
    ok("download", address, table, "-f", "json")
    assert json.loads(Path("table.json").read_text()) == [{"city": "oslo", "celsius": 4.5}]
    assert cli("download", address, table, "-f", "json")[0] == 1
    assert cli("download", address, table, "-p", "/absent")[0] == 1

    ok("put", address, "--id", model, "--data", '{"metrics": {"rmse": 0.5}}')
    assert json.loads(ok("get", address, model, "--json"))["parent_id"] == experiment
    code, _, err = cli("mv", address, experiment, table)
    assert (code, err.count("\n")) == (1, 1)
    assert json.loads(ok("mv", address, model, "--root", "--json"))["level"] == 0
    assert json.loads(ok("mv", address, model, experiment, "--json"))["level"] == 1

    code, _, err = cli("rm", address, experiment, "--yes")
    assert (code, err.count("\n")) == (1, 1)
    assert "--recursive" in err
    assert cli("rm", address, table)[0] == 1
    assert ok("rm", address, table, "--yes") == "Deleted 1 record"
    assert json.loads(ok("rm", address, experiment, "-r", "--yes", "--json")) == {"deleted": 2}
    assert ok("ls", address) == ""


def test_an_export_is_imported_elsewhere(ok, cli, address):
    source = "sqlite:///source.db"
    ok("init", source)
    root = ok("put", source, "--data", '{"name": "root"}', "--tag", "eu")
    Path("small.bin").write_bytes(b"\0\1\2")
    Path("large.bin").write_bytes(os.urandom(200_000))
    small = ok("put", source, "small.bin", "-p", root)
    large = ok("put", source, "large.bin", "-p", root)
    before = {row["id"]: row for row in json.loads(ok("ls", source, "--json"))}

    assert ok("export", source, "all.jsonl") == "Exported 3 records to all.jsonl"
    lines = [json.loads(line) for line in Path("all.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["hierarchy", "record", "record", "payload", "record", "payload"]
    assert ok("import", address, "all.jsonl") == "Imported 3 records"
    after = {row["id"]: row for row in json.loads(ok("ls", address, "--json"))}
    for id, row in before.items():
        for name in ("parent_id", "level", "type", "data", "tags", "created_at", "updated_at"):
            assert after[id][name] == row[name], name
    for id, name in ((small, "small.bin"), (large, "large.bin")):
        ok("download", address, id, "-o", "again.bin")
        assert Path("again.bin").read_bytes() == Path(name).read_bytes()

    code, _, err = cli("import", address, "all.jsonl")
    assert (code, err.count("\n")) == (1, 1)
    assert "Line " in err
    assert ok("import", address, "all.jsonl", "--skip-existing") == "Imported 0 records"
    ok("export", address, "again.jsonl")
    assert ok("import", address, "again.jsonl", "--new-ids") == "Imported 3 records"
    rows = json.loads(ok("ls", address, "--json"))
    assert [row["data"] for row in rows[3:]] == [row["data"] for row in rows[:3]]
    assert {row["parent_id"] for row in rows[4:]} == {rows[3]["id"]}


def test_an_import_with_a_wrong_line_imports_nothing(ok, cli, address):
    lines = [json.dumps({"kind": "record", "data": {"n": number}}) for number in range(200)]
    for wrong in ("{", "[]", '{"kind": "record"}', '{"kind": "else"}', f'{{"data": 1, "parent_id": "{ABSENT}"}}'):
        text = "\n".join([*lines[:123], wrong, *lines[123:]])
        code, out, err = cli("import", address, "-", stdin=text.encode())
        assert (code, out) == (1, "")
        assert "Line 124" in err
        assert ok("ls", address) == ""


def test_an_interrupted_export_goes_on(ok, address):
    ids = [ok("put", address, "--data", str(number)) for number in range(4)]
    ok("export", address, "whole.jsonl")
    whole = Path("whole.jsonl").read_bytes()
    # The last record may lack payloads: it is fetched again. Half a line is nothing.
    for end in (whole.index(ids[3].encode()), whole.index(ids[1].encode()), whole.index(ids[0].encode()), 10, 0):
        Path("again.jsonl.part").write_bytes(whole[:end])
        assert ok("export", address, "again.jsonl") == "Exported 4 records to again.jsonl"
        assert Path("again.jsonl").read_bytes() == whole
        assert not Path("again.jsonl.part").exists()
    Path("again.jsonl.part").write_bytes(whole.replace(b"experiment", b"something"))
    ok("export", address, "again.jsonl")
    assert Path("again.jsonl").read_bytes() == whole


@pytest.mark.parametrize("place", ["sqlite"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["ls", "sqlite:///absent.db"],
        ["ls", "sqlite://file.db"],
        ["get", "{address}", "nothing"],
        ["get", "{address}", ABSENT],
        ["tree", "{address}", ABSENT],
        ["put", "{address}"],
        ["put", "{address}", "/no/such/file"],
        ["put", "{address}", "--data", "{"],
        ["put", "{address}", "--data", "null"],
        ["put", "{address}", "--data", "{}", "--parent", ABSENT],
        ["put", "{address}", "--data", "{}", "--id", ABSENT],
        ["put", "{address}", "--data", '{"type": "ml_prediction", "metadata": {}, "content": 1}'],
        ["put", "{address}", "wrong.parquet"],
        ["put", "{address}", "wrong.json"],
        ["put", "{address}", "wrong.json", "--data", "{}"],
        ["mv", "{address}", ABSENT],
        ["mv", "{address}", ABSENT, "--root"],
        ["rm", "{address}", ABSENT, "--yes"],
        ["ls", "{address}", "--where", "nothing"],
        ["init", "{address}", "--label", "other"],
        ["init", "sqlite:///new.db", "--label", "64=deep"],
        ["init", "sqlite:///new.db", "--label", "0=a", "--label", "0=b"],
        ["export", "{address}", "-", "--json"],
        ["ls", "a/b/c/d"],
    ],
)
def test_errors_are_one_line(cli, address, arguments):
    Path("wrong.parquet").write_text("nothing")
    Path("wrong.json").write_text("{")
    code, out, err = cli(
        *(argument.format(address=address) if "{a" in argument else argument for argument in arguments)
    )
    assert (code, out) == (1, "")
    assert err.startswith("wanllmdb: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("place", ["sqlite"])
def test_rm_asks_on_a_terminal(ok, cli, address):
    id = ok("put", address, "--data", "1")
    code, _, err = cli("rm", address, id, stdin=Terminal(io.BytesIO(b"n\n")))
    assert (code, err.endswith("wanllmdb: Nothing was deleted\n")) == (1, True)
    assert f"Delete 1 record from {address}? This cannot be undone." in err
    code, out, _ = cli("rm", address, id, stdin=Terminal(io.BytesIO(b"y\n")))
    assert (code, out.strip()) == (0, "Deleted 1 record")
    assert ok("ls", address, "--json") == "[]"


@pytest.mark.parametrize("place", ["sqlite"])
def test_a_name_in_the_data_is_no_path(ok, cli, address):
    Path("secret.txt").write_text("secret")
    for name in ("../out.txt", "/etc/out.txt", ".bashrc", "..", "a\\b.txt"):
        Path("in.bin").write_bytes(b"bytes")
        id = ok("put", address, "in.bin", "--data", json.dumps({"name": name}))
        path = json.loads(ok("download", address, id, "--json"))["path"]
        assert Path(path).read_bytes() == b"bytes"
        assert "/" not in path and "\\" not in path and not path.startswith(".")


def test_without_the_extra_a_sentence_says_what_to_install(cli, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("wanllmdb.records")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    code, out, err = cli("ls", "sqlite:///records.db")
    assert (code, out) == (1, "")
    assert 'pip install "wanllmdb[records]"' in err
    assert err.count("\n") == 1
