import io
import json
import subprocess
import sys

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import settings
from wanllmdb.sdk.cli.main import main
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def cli(bob, monkeypatch, capsys):
    """`cli("whoami", "--json")`: exit code, standard output, standard error.

    In this process: another one would spend most of its time on its start.
    """

    def run_command(*arguments, stdin=""):
        monkeypatch.setattr(sys, "argv", ["wanllmdb", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, *capsys.readouterr()

    return run_command


@pytest.fixture
def program(bob):
    """The same by the program, as people and scripts run it."""

    def run_command(*arguments, stdin=""):
        result = subprocess.run(
            [sys.executable, "-m", "wanllmdb", *arguments], input=stdin, capture_output=True, text=True
        )
        return result.returncode, result.stdout, result.stderr

    return run_command


@pytest.fixture
def cli_json(cli):
    """The parsed output of a successful command with `--json`."""

    def run_command(*arguments):
        code, out, err = cli(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return run_command


def test_put_and_get(cli_json, project, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("1,2\n")
    (tmp_path / "more.txt").write_text("more")
    result = cli_json(
        *("artifact", "put", str(tmp_path / "data"), str(tmp_path / "more.txt")),
        *("--name", f"{project}/rows", "--type", "dataset", "--alias", "production", "-a", "v1.0"),
        *("--description", "Rows", "--metadata", '{"rows": 1}'),
    )
    assert (result["artifact"], result["aliases"]) == (f"{project}/rows:v1", ["production", "latest", "v1.0"])
    result = cli_json("artifact", "get", f"{project}/rows:production", "--root", str(tmp_path / "down"))
    assert (result["version"], result["root"]) == ("v1", str(tmp_path / "down"))
    assert (tmp_path / "down/data/a.csv").read_text() == "1,2\n"
    assert (tmp_path / "down/more.txt").read_text() == "more"
    assert wandb.Api().artifact(f"{project}/rows").metadata == {"rows": 1}


@pytest.mark.parametrize(
    "refused",
    [
        ("--metadata", '{"bad": "\\u0000"}'),
        ("--alias", "v7"),
        ("--description", "x" * 70_000),
        ("--tag", "a", *(part for number in range(100) for part in ("--tag", str(number)))),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_refused_put_leaves_nothing(cli, project, tmp_path, refused):
    (tmp_path / "a").write_text("a")
    code, _, err = cli("artifact", "put", str(tmp_path / "a"), "--name", f"{project}/rows", *refused)
    assert (code, "Traceback" in err) == (1, False), err
    with pytest.raises(wandb.NotFound):
        wandb.Api().project(project)


def test_the_contents_of_a_single_directory_go_to_the_root(cli_json, project, tmp_path):
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "data/sub/a.csv").write_text("1,2\n")
    (tmp_path / "data/sub/a.pyc").touch()
    cli_json("artifact", "put", str(tmp_path / "data"), "--name", f"{project}/rows", "--exclude", "*.pyc")
    assert [file.path for file in wandb.Api().artifact(f"{project}/rows").files()] == ["sub/a.csv"]
    (tmp_path / "down/old").mkdir(parents=True)
    cli_json("artifact", "get", f"{project}/rows", "--root", str(tmp_path / "down"), "--exact")
    assert [path.name for path in (tmp_path / "down").iterdir()] == ["sub"]


def test_output_for_people(cli, project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("1,2\n")
    code, out, _ = cli("artifact", "put", "a.csv", "-n", f"{project}/rows", "-t", "dataset", "-a", "production")
    assert (code, out) == (
        0,
        "Logging artifact 'rows' (dataset)...\n  Created version: v1\n  Adding 1 alias(es)...\n    ✓ 'production'\n",
    )
    code, out, _ = cli("artifact", "get", f"{project}/rows")
    assert out == f"Downloaded {project}/rows:v1 to {tmp_path}/artifacts/{project}/rows-v1\n"
    code, out, err = cli("artifact", "get", f"{project}/rows", "--path-prefix", "trian/")
    assert (code, out, err) == (1, "", f"wanllmdb: {project}/rows:v1 contains no path that starts with 'trian/'\n")
    code, out, _ = cli("artifact", "ls", f"{project}/rows")
    assert out.startswith("v1\tproduction, latest\t1\t4\t")
    code, out, _ = cli("artifact", "ls", project)
    assert out.startswith(f"{project}\trows\tdataset\tv1\tproduction → v1, latest → v1\t")
    for number in range(4):
        cli("artifact", "alias", "set", f"{project}/rows:v1", f"v0.{number}.0")
    assert "production → v1, latest → v1, v0.0.0 → v1, v0.1.0 → v1, +2\t" in cli("artifact", "ls", project)[1]


def test_ls(cli_json, project, tmp_path):
    (tmp_path / "a").write_text("a")
    cli_json("artifact", "put", str(tmp_path / "a"), "--name", f"{project}/one")
    cli_json("artifact", "put", str(tmp_path / "a"), "--name", f"{project}/two", "--type", "code")
    assert [row["name"] for row in cli_json("artifact", "ls", project)] == ["two", "one"]
    assert [row["name"] for row in cli_json("artifact", "ls", project, "--type", "code")] == ["two"]
    assert [row["version"] for row in cli_json("artifact", "ls", f"{project}/one")] == ["v1"]
    # Without the team it is one's own, as for `get` and `alias ls`; with it, what could be both is the project.
    own = project.replace("acme/", "bob/")
    cli_json("artifact", "put", str(tmp_path / "a"), "--name", f"{own}/one")
    name = f"{own.removeprefix('bob/')}/one"
    assert [row["version"] for row in cli_json("artifact", "ls", name)] == ["v1"]
    assert {row["alias"] for row in cli_json("artifact", "alias", "ls", name)} == {"latest"}
    assert [row["name"] for row in cli_json("artifact", "ls", own)] == ["one"]


def test_alias_set_ls_and_rm(cli_json, cli, project, tmp_path):
    for content in ("1", "2"):
        (tmp_path / "a").write_text(content)
        cli_json("artifact", "put", str(tmp_path / "a"), "--name", f"{project}/one")
    assert cli_json("artifact", "alias", "set", f"{project}/one:v1", "production")["version"] == "v1"
    assert cli_json("artifact", "alias", "set", f"{project}/one:latest", "production")["version"] == "v2"
    rows = cli_json("artifact", "alias", "ls", f"{project}/one")
    assert {row["alias"]: row["version"] for row in rows} == {"latest": "v2", "production": "v2"}
    assert cli_json("artifact", "alias", "rm", f"{project}/one", "production") == {"removed": "production"}
    code, out, err = cli("artifact", "alias", "rm", f"{project}/one", "production")
    assert (code, out) == (1, "")
    assert err.startswith("wanllmdb: Alias 'production' not found")


@pytest.fixture
def model(cli, project, tmp_path) -> str:
    """Three versions; `production` is at the first, `staging` at the second."""
    for content, alias in (("1", "production"), ("2", "staging"), ("3", "newest")):
        (tmp_path / "weights").write_text(content)
        cli("artifact", "put", str(tmp_path / "weights"), "-n", f"{project}/net", "-t", "model", "-a", alias)
    return f"{project}/net"


def alias(*arguments):
    return ("artifact", "alias", *arguments)


def test_alias_conditions(cli, cli_json, model):
    result = cli_json(*alias("set", f"{model}:v2", "production", "--expect", "v1", "--reason", "Better"))
    assert (result["artifact"], result["alias"], result["version"]) == (model, "production", "v2")
    code, out, err = cli(*alias("set", f"{model}:v3", "production", "--expect", "v1"))
    assert (code, out) == (3, "")
    assert err.startswith("wanllmdb: Alias 'production' was moved in the meantime: it now points to v2")
    assert cli(*alias("set", f"{model}:v3", "production", "--expect", "none"))[0] == 3
    assert cli(*alias("rm", model, "production", "--expect", "v1"))[0] == 3
    assert cli(*alias("rollback", model, "production", "--expect", "v1"))[0] == 3
    assert cli(*alias("set", f"{model}:v3", "champion", "--expect", "none"))[:2] == (0, "net:champion is now v3\n")
    assert cli(*alias("rm", model, "champion", "--expect", "v3", "--reason", "Over")) == (
        *(0, "Removed alias 'champion' from net\n"),
        "",
    )
    assert cli(*alias("set", f"{model}:v3", "production", "--expect", "soon"))[0] == 1


def test_alias_rollback_and_swap(cli, cli_json, model):
    cli(*alias("set", f"{model}:v2", "production"))
    assert cli(*alias("rollback", model, "production", "--reason", "Too slow"))[1] == "net:production is back at v1\n"
    assert cli_json(*alias("rollback", model, "production", "--expect", "v1"))["version"] == "v2"
    assert cli_json(*alias("swap", model, "production", "newest")) == {"production": "v3", "newest": "v2"}
    assert cli(*alias("swap", model, "production", "newest"))[1] == "net:production is now v2\nnet:newest is now v3\n"
    code, _, err = cli(*alias("rollback", model, "staging"))
    assert (code, err.count("\n")) == (1, 1)


def test_alias_history(cli, cli_json, model):
    cli(*alias("set", f"{model}:v2", "production", "--reason", "Better on the holdout"))
    cli(*alias("rm", model, "production"))
    rows = cli_json(*alias("history", model, "production"))
    assert [(row["from_version"], row["to_version"], row["reason"]) for row in rows] == [
        ("v2", None, ""),
        ("v1", "v2", "Better on the holdout"),
        (None, "v1", ""),
    ]
    _, out, _ = cli(*alias("history", f"{model}:production", "--limit", "2"))
    assert [line.split("\t")[1:] for line in out.splitlines()] == [
        ["production", "v2", "", "bob", "sdk", "", ""],
        ["production", "v1", "v2", "bob", "sdk", "Better on the holdout", ""],
    ]
    cli(*alias("rollback", model, "production"))
    _, out, _ = cli(*alias("history", f"{model}:production", "--limit", "1"))
    assert out.splitlines()[0].split("\t")[2:] == ["", "v2", "bob", "sdk", "", "yes"]
    assert {row["alias"] for row in cli_json(*alias("history", model, "--limit", "0"))} == {
        *("production", "staging", "newest", "latest"),
    }
    code, _, err = cli(*alias("history", model, "never-was"))
    assert (code, err.count("\n")) == (1, 1)


def test_aliases_at_a_time(cli, cli_json, model, tmp_path):
    cli(*alias("set", f"{model}:v2", "production"))
    cli(*alias("rm", model, "staging"))
    removed, moved = (cli_json(*alias("history", model, name))[0]["created_at"] for name in ("staging", "production"))
    before = cli_json(*alias("history", model, "newest"))[0]["created_at"]
    rows = cli_json(*alias("ls", model, "--at", before))
    assert {row["alias"]: row["version"] for row in rows}.items() >= {
        "production": "v1",
        "staging": "v2",
        "newest": "v3",
    }.items()
    now = {row["alias"]: row["version"] for row in cli_json(*alias("ls", model, "--at", removed))}
    assert now == {"latest": "v3", "newest": "v3", "production": "v2"}
    _, out, _ = cli(*alias("ls", model, "--at", moved))
    assert f"production\tv2\tbob\t{moved}" in out.splitlines()
    result = cli_json("artifact", "get", f"{model}:production", "--at", before, "--root", str(tmp_path / "down"))
    assert (result["version"], (tmp_path / "down/weights").read_text()) == ("v1", "1")
    assert cli_json(*alias("set", f"{model}:production", "production", "--at", before))["version"] == "v1"
    code, _, err = cli(*alias("ls", model, "--at", "2026-05-03T12:00:00"))
    assert (code, err.count("\n")) == (1, 1)
    assert "has no time zone" in err
    assert cli(*alias("ls", model, "--at", "2999-01-01T00:00:00Z"))[0] == 1


def test_alias_proposals(cli, cli_json, model, stack, sign_in):
    rule = {"project": model.rpartition("/")[0], "pattern": "production", "role": "admin", "needs_approval": True}
    Client(stack.base_url, stack.key("alice")).post("/alias-rules", rule)
    for arguments in (
        ("set", f"{model}:v2", "production"),
        ("rm", model, "production"),
        ("rollback", model, "production"),
    ):
        code, out, err = cli(*alias(*arguments))
        assert (code, out, err.count("\n")) == (4, "", 1)
        assert err.startswith("wanllmdb: Alias 'production' is protected by")
    rows = {row["alias"]: row["protected"] for row in cli_json(*alias("ls", model))}
    assert rows == {"latest": False, "newest": False, "production": True, "staging": False}

    proposed = cli_json(*alias("set", f"{model}:v2", "production", "--propose", "--reason", "Better"))
    assert (proposed["alias"], proposed["from_version"], proposed["to_version"], proposed["state"]) == (
        "production",
        "v1",
        "v2",
        "open",
    )
    code, _, err = cli(*alias("rm", model, "production", "--propose"))
    assert (code, err.count("\n")) == (1, 1)
    assert cli(*alias("approve", proposed["id"]))[0] == 1
    sign_in("alice")
    assert [row["id"] for row in cli_json(*alias("proposals", model))] == [proposed["id"]]
    assert cli(*alias("approve", proposed["id"], "--comment", "Well done"))[:2] == (0, "production: approved\n")
    assert cli_json(*alias("proposals", model)) == []
    (row,) = cli_json(*alias("proposals", model, "--state", "all"))
    assert (row["state"], row["decided_by"], row["comment"]) == ("approved", "alice", "Well done")
    assert cli_json(*alias("history", f"{model}:production"))[0]["to_version"] == "v2"

    code, out, _ = cli(*alias("rm", model, "production", "--propose"))
    assert out.startswith("Proposed: production: v2 → removed\nTo approve, a second person runs: wanllmdb ")
    (proposal,) = cli_json(*alias("proposals", model))
    assert cli(*alias("withdraw", proposal["id"]))[:2] == (0, "production: withdrawn\n")
    assert cli(*alias("set", f"{model}:v1", "production", "--propose", "--expect", "v2"))[0] == 1

    assert cli(*alias("rollback", model, "production", "--propose", "--expect", "v2"))[0] == 1
    code, out, _ = cli(*alias("rollback", model, "production", "--propose"))
    assert (code, out.splitlines()[0]) == (0, "Proposed: production: rollback, v2 → v1")
    (proposal,) = cli_json(*alias("proposals", model))
    assert (proposal["to_version"], proposal["is_rollback"]) == ("v1", True)


def test_put_with_tags(cli_json, model, tmp_path):
    cli_json("artifact", "put", str(tmp_path / "weights"), "-n", model, "-t", "model", "--tag", "eu", "--tag", "small")
    assert wandb.Api().collection(model).tags == ["eu", "small"]


def test_whoami(cli_json, cli, program, stack):
    assert cli_json("whoami")["username"] == "bob"
    for run_command in (cli, program):
        code, out, err = run_command("whoami")
        assert (code, err) == (0, "")
        assert out.startswith(f"bob at {stack.base_url}\nTeams: ")


def test_the_program_has_the_exit_code_of_an_error(program):
    code, out, err = program("artifact", "get", "acme/absent/x:latest")
    assert (code, out, err.count("\n")) == (1, "", 1)


def test_the_program_reads_a_key_from_a_pipe(program, stack, monkeypatch):
    monkeypatch.delenv("WANLLMDB_API_KEY")
    code, out, _ = program("login", stdin=f"{stack.key('vera')}\n")
    assert (code, out.splitlines()[0]) == (0, f"Logged in to {stack.base_url} as vera")


def test_login_stores_the_key_for_its_server(cli, stack, monkeypatch):
    monkeypatch.delenv("WANLLMDB_API_KEY")
    monkeypatch.delenv("WANLLMDB_BASE_URL")
    code, out, err = cli("login", "wllm_wrong", "--base-url", stack.base_url)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert not settings.config_path().exists()
    code, out, _ = cli("login", "--base-url", f"{stack.base_url}/", stdin=f"{stack.key('vera')}\n")
    assert (code, out.splitlines()[0]) == (0, f"Logged in to {stack.base_url} as vera")
    code, out, _ = cli("whoami", "--json")
    assert json.loads(out)["username"] == "vera"
    assert wandb.login()
    assert wandb.login(key=stack.key("bob"))
    assert wandb.Api().viewer["username"] == "bob"


def test_login_without_a_key_and_a_terminal_is_an_error(cli, monkeypatch):
    monkeypatch.delenv("WANLLMDB_API_KEY")
    code, _, err = cli("login")
    assert (code, err.count("\n")) == (1, 1)
    assert "No API key" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["artifact", "get", "acme/absent/x:latest"],
        ["artifact", "put", "/no/such/file", "--name", "acme/x/y"],
        ["artifact", "put", "/dev/null", "--name", "acme/x/y"],
        ["artifact", "put", "/etc/hostname", "--name", "acme/x/bad name"],
        ["artifact", "put", "/etc/hostname", "--name", "acme/x/y", "--metadata", "[1]"],
        ["artifact", "put", "/etc/hostname", "--name", "acme/x/y", "--alias", "bad alias"],
        ["artifact", "ls", "acme/absent"],
        ["artifact", "alias", "set", "acme/absent/x:v1", "production"],
        ["artifact", "alias", "rollback", "acme/absent/x", "production"],
        ["artifact", "alias", "history", "acme/absent/x"],
        ["artifact", "alias", "swap", "acme/absent/x", "one", "other"],
        ["artifact", "alias", "approve", "0"],
        ["artifact", "get", "acme/absent/x:latest", "--at", "soon"],
    ],
)
def test_errors_are_one_line(cli, arguments):
    code, out, err = cli(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("wanllmdb: ")
    assert err.count("\n") == 1


def test_version(program):
    assert program("--version")[:2] == (0, "0.1.0\n")
