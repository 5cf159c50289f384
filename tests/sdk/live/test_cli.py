import json
import subprocess
import sys

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import settings


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
    ],
)
def test_what_is_refused_is_one_sentence(cli, words):
    code, out, err = cli(*words)
    assert (code, out) == (1, "")
    assert err.startswith("wanllmdb: ")
    assert err.count("\n") == 1


def test_the_version(cli):
    assert cli("--version")[:2] == (0, "0.1.0\n")
