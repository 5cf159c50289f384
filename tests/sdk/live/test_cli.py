import json
import subprocess
import sys

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import settings
from wanllmdb.sdk.client import Client


@pytest.fixture
def cli(bob):
    """`cli("whoami", "--json")`: exit code, standard output, standard error."""

    def start(*words, stdin=""):
        done = subprocess.run([sys.executable, "-m", "wanllmdb", *words], input=stdin, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    return start


@pytest.fixture
def answer(cli):
    """The same, for what succeeds and answers JSON."""

    def ask(*words):
        code, out, err = cli(*words, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return ask


def test_put_and_get(answer, project, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("1,2\n")
    (tmp_path / "more.txt").write_text("more")
    put = answer(
        *("artifact", "put", str(tmp_path / "data"), str(tmp_path / "more.txt")),
        *("--name", f"{project}/rows", "--type", "dataset", "--alias", "production", "-a", "v1.0"),
        *("--description", "Rows", "--metadata", '{"rows": 1}'),
    )
    assert (put["artifact"], put["aliases"]) == (f"{project}/rows:v1", ["latest", "production", "v1.0"])
    got = answer("artifact", "get", f"{project}/rows:production", "--root", str(tmp_path / "down"))
    assert (got["version"], got["root"]) == ("v1", str(tmp_path / "down"))
    assert (tmp_path / "down/data/a.csv").read_text() == "1,2\n"
    assert (tmp_path / "down/more.txt").read_text() == "more"
    assert wandb.Api().artifact(f"{project}/rows").metadata == {"rows": 1}


def test_of_a_directory_alone_the_contents_go_to_the_root(answer, project, tmp_path):
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "data/sub/a.csv").write_text("1,2\n")
    answer("artifact", "put", str(tmp_path / "data"), "--name", f"{project}/rows")
    assert [file.path for file in wandb.Api().artifact(f"{project}/rows").files()] == ["sub/a.csv"]


def test_people_are_told_what_happens(cli, project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("1,2\n")
    code, out, _ = cli("artifact", "put", "a.csv", "-n", f"{project}/rows", "-t", "dataset", "-a", "production")
    assert (code, out) == (
        0,
        "Logging artifact 'rows' (dataset)...\n  Created version: v1\n  Adding 1 alias(es)...\n    ✓ 'production'\n",
    )
    code, out, _ = cli("artifact", "get", f"{project}/rows")
    assert out == f"{project}/rows:v1 is in {tmp_path}/artifacts/rows:v1\n"
    code, out, _ = cli("artifact", "ls", f"{project}/rows")
    assert out.startswith("v1\tlatest, production\t1\t4\t")
    code, out, _ = cli("artifact", "ls", project)
    assert out.startswith(f"{project}\trows\tdataset\tv1\tlatest, production\t")


def test_lists(answer, project, tmp_path):
    (tmp_path / "a").write_text("a")
    answer("artifact", "put", str(tmp_path / "a"), "--name", f"{project}/one")
    answer("artifact", "put", str(tmp_path / "a"), "--name", f"{project}/two", "--type", "code")
    assert [row["name"] for row in answer("artifact", "ls", project)] == ["two", "one"]
    assert [row["name"] for row in answer("artifact", "ls", project, "--type", "code")] == ["two"]
    assert [row["version"] for row in answer("artifact", "ls", f"{project}/one")] == ["v1"]


def test_aliases(answer, cli, project, tmp_path):
    for content in ("1", "2"):
        (tmp_path / "a").write_text(content)
        answer("artifact", "put", str(tmp_path / "a"), "--name", f"{project}/one")
    assert answer("artifact", "alias", "set", f"{project}/one:v1", "production")["version"] == "v1"
    assert answer("artifact", "alias", "set", f"{project}/one:latest", "production")["version"] == "v2"
    rows = answer("artifact", "alias", "ls", f"{project}/one")
    assert {row["alias"]: row["version"] for row in rows} == {"latest": "v2", "production": "v2"}
    assert answer("artifact", "alias", "rm", f"{project}/one", "production") == {"removed": "production"}
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


def alias(*words):
    return ("artifact", "alias", *words)


def test_aliases_move_on_conditions(cli, answer, model):
    told = answer(*alias("set", f"{model}:v2", "production", "--expect", "v1", "--reason", "Better"))
    assert (told["artifact"], told["alias"], told["version"]) == (model, "production", "v2")
    code, out, err = cli(*alias("set", f"{model}:v3", "production", "--expect", "v1"))
    assert (code, out) == (3, "")
    assert err.startswith("wanllmdb: Alias 'production' was moved in the meantime: it is at v2 now")
    assert cli(*alias("set", f"{model}:v3", "production", "--expect", "none"))[0] == 3
    assert cli(*alias("rm", model, "production", "--expect", "v1"))[0] == 3
    assert cli(*alias("rollback", model, "production", "--expect", "v1"))[0] == 3
    assert cli(*alias("set", f"{model}:v3", "champion", "--expect", "none"))[:2] == (0, "net:champion is v3 now\n")
    assert cli(*alias("rm", model, "champion", "--expect", "v3", "--reason", "Over")) == (
        *(0, "net has no alias 'champion' any more\n"),
        "",
    )
    assert cli(*alias("set", f"{model}:v3", "production", "--expect", "soon"))[0] == 1


def test_aliases_go_back_and_change_places(cli, answer, model):
    cli(*alias("set", f"{model}:v2", "production"))
    assert cli(*alias("rollback", model, "production", "--reason", "Too slow"))[1] == "net:production is back at v1\n"
    assert answer(*alias("rollback", model, "production", "--expect", "v1"))["version"] == "v2"
    assert answer(*alias("swap", model, "production", "newest")) == {"production": "v3", "newest": "v2"}
    assert cli(*alias("swap", model, "production", "newest"))[1] == "net:production is v2 now\nnet:newest is v3 now\n"
    code, _, err = cli(*alias("rollback", model, "staging"))
    assert (code, err.count("\n")) == (1, 1)


def test_aliases_have_a_history(cli, answer, model):
    cli(*alias("set", f"{model}:v2", "production", "--reason", "Better on the holdout"))
    cli(*alias("rm", model, "production"))
    rows = answer(*alias("history", model, "production"))
    assert [(row["from_version"], row["to_version"], row["reason"]) for row in rows] == [
        ("v2", None, ""),
        ("v1", "v2", "Better on the holdout"),
        (None, "v1", ""),
    ]
    _, out, _ = cli(*alias("history", f"{model}:production", "--limit", "2"))
    assert [line.split("\t")[1:] for line in out.splitlines()] == [
        ["production", "v2", "", "bob", "sdk", ""],
        ["production", "v1", "v2", "bob", "sdk", "Better on the holdout"],
    ]
    assert {row["alias"] for row in answer(*alias("history", model, "--limit", "0"))} == {
        *("production", "staging", "newest", "latest"),
    }
    code, _, err = cli(*alias("history", model, "never-was"))
    assert (code, err.count("\n")) == (1, 1)


def test_aliases_as_they_were(cli, answer, model, tmp_path):
    cli(*alias("set", f"{model}:v2", "production"))
    cli(*alias("rm", model, "staging"))
    removed, moved = (answer(*alias("history", model, name))[0]["created_at"] for name in ("staging", "production"))
    before = answer(*alias("history", model, "newest"))[0]["created_at"]
    rows = answer(*alias("ls", model, "--at", before))
    assert {row["alias"]: row["version"] for row in rows}.items() >= {
        "production": "v1",
        "staging": "v2",
        "newest": "v3",
    }.items()
    now = {row["alias"]: row["version"] for row in answer(*alias("ls", model, "--at", removed))}
    assert now == {"latest": "v3", "newest": "v3", "production": "v2"}
    _, out, _ = cli(*alias("ls", model, "--at", moved))
    assert f"production\tv2\tbob\t{moved}" in out.splitlines()
    got = answer("artifact", "get", f"{model}:production", "--at", before, "--root", str(tmp_path / "down"))
    assert (got["version"], (tmp_path / "down/weights").read_text()) == ("v1", "1")
    assert answer(*alias("set", f"{model}:production", "production", "--at", before))["version"] == "v1"
    code, _, err = cli(*alias("ls", model, "--at", "2026-05-03T12:00:00"))
    assert (code, err.count("\n")) == (1, 1)
    assert "has no time zone" in err
    assert cli(*alias("ls", model, "--at", "2999-01-01T00:00:00Z"))[0] == 1


def test_protected_aliases_are_for_a_second_person(cli, answer, model, stack, sign_in):
    rule = {"project": model.rpartition("/")[0], "pattern": "production", "role": "admin", "needs_approval": True}
    Client(stack.base_url, stack.key("alice")).post("/alias-rules", rule)
    for words in (("set", f"{model}:v2", "production"), ("rm", model, "production"), ("rollback", model, "production")):
        code, out, err = cli(*alias(*words))
        assert (code, out, err.count("\n")) == (4, "", 1)
        assert err.startswith("wanllmdb: Alias 'production' is protected by")
    rows = {row["alias"]: row["protected"] for row in answer(*alias("ls", model))}
    assert rows == {"latest": False, "newest": False, "production": True, "staging": False}

    made = answer(*alias("set", f"{model}:v2", "production", "--propose", "--reason", "Better"))
    assert (made["alias"], made["from_version"], made["to_version"], made["state"]) == (
        "production",
        "v1",
        "v2",
        "open",
    )
    code, _, err = cli(*alias("rm", model, "production", "--propose"))
    assert (code, err.count("\n")) == (1, 1)
    assert cli(*alias("approve", made["id"]))[0] == 1
    sign_in("alice")
    assert [row["id"] for row in answer(*alias("proposals", model))] == [made["id"]]
    assert cli(*alias("approve", made["id"], "--comment", "Well done"))[:2] == (0, "production: approved\n")
    assert answer(*alias("proposals", model)) == []
    (row,) = answer(*alias("proposals", model, "--state", "all"))
    assert (row["state"], row["decided_by"], row["comment"]) == ("approved", "alice", "Well done")
    assert answer(*alias("history", f"{model}:production"))[0]["to_version"] == "v2"

    code, out, _ = cli(*alias("rm", model, "production", "--propose"))
    assert out.startswith("Proposed: production, which is v2 now, is to be removed\nSomebody else decides: wanllmdb ")
    (waiting,) = answer(*alias("proposals", model))
    assert cli(*alias("withdraw", waiting["id"]))[:2] == (0, "production: withdrawn\n")
    assert cli(*alias("set", f"{model}:v1", "production", "--propose", "--expect", "v2"))[0] == 1


def test_tags_are_put(answer, model, tmp_path):
    answer("artifact", "put", str(tmp_path / "weights"), "-n", model, "-t", "model", "--tag", "eu", "--tag", "small")
    assert wandb.Api().collection(model).tags == ["eu", "small"]


def test_whoami(answer, cli, stack):
    assert answer("whoami")["username"] == "bob"
    _, out, _ = cli("whoami")
    assert out.startswith(f"bob at {stack.base_url}\nTeams: ")


def test_login_keeps_the_key_for_its_server(cli, stack, monkeypatch):
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


def test_login_without_a_key_or_a_terminal_is_told(cli, monkeypatch):
    monkeypatch.delenv("WANLLMDB_API_KEY")
    code, _, err = cli("login")
    assert (code, err.count("\n")) == (1, 1)
    assert "No API key" in err


@pytest.mark.parametrize(
    "words",
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
def test_what_is_refused_is_one_sentence(cli, words):
    code, out, err = cli(*words)
    assert (code, out) == (1, "")
    assert err.startswith("wanllmdb: ")
    assert err.count("\n") == 1


def test_the_version(cli):
    assert cli("--version")[:2] == (0, "0.1.0\n")
