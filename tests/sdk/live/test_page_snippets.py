"""The snippets of the pages run as they stand, copied from the page, whatever the files are called.

A library that is not installed here is left out of its snippet, with the lines that need it: the others run.
"""

import ast
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow
import pyarrow.parquet
import pytest
import urllib3

import wanllmdb as wandb
from web import literals

ODD = 'data/it\'s "odd" $(echo $HOME) ü.csv'
LIBRARIES = {"pandas", "polars", "transformers", "pytorch", "safetensors"}


@pytest.fixture
def files(tmp_path) -> Path:
    folder = tmp_path / "logged"
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    tensors = struct.pack("<Q", len(header)) + header + bytes(8)
    contents = {
        ODD: b"a,b\n1,2\n",
        "data/rows.tsv": b"a\tb\n1\t2\n",
        "data/rows.jsonl": b'{"a": 1, "b": 2}\n',
        "encoder/config.json": b"{}",
        "encoder/model.safetensors": tensors,
        "encoder/tokenizer.json": b"{}",
        "state.pt": b"no checkpoint",
    }
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    pyarrow.parquet.write_table(pyarrow.table({"a": [1], "b": [2]}), folder / "data/rows.parquet")
    return folder


@pytest.fixture
def terminal(tmp_path, monkeypatch) -> Path:
    """Where somebody works who has the command `wanllmdb`."""
    programs, work = tmp_path / "bin", tmp_path / "work"
    programs.mkdir()
    work.mkdir()
    command = programs / "wanllmdb"
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH={Path(wandb.__file__).parents[1]} exec {sys.executable} -m wanllmdb "$@"\n'
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(work)
    return work


def test_every_snippet_runs(stack, bob, project, files, terminal):
    with wandb.init(project=project) as run:
        artifact = wandb.Artifact("it.s_odd-1", "model")
        artifact.add_dir(files)
        logged = run.log_artifact(artifact, aliases=["production"])
    client = Visitor(stack.base_url, "bob")

    overview = client.snippets(logged.url.rpartition("/")[0])
    assert overview.keys() == {"python", "cli", "curl", *LIBRARIES}
    assert f"{project}/it.s_odd-1:production" in overview["python"]
    version = client.snippets(logged.url)
    assert version.keys() == overview.keys() and f"{project}/it.s_odd-1:v1" in version["python"]
    for id in ("python", *LIBRARIES):
        names = execute(version[id])
        assert Path(names["path"]).exists(), version[id]
        assert rows(names) in (None, [(1, 2)])
    for found in (overview, version):
        assert "Downloaded" in shell(found["cli"])
        assert json.loads(shell(found["curl"]))["version"]["version"] == "v1"
    assert 'path_prefix="encoder/"' in version["transformers"] and "AutoTokenizer" in version["transformers"]

    for path in (ODD, "data/rows.tsv", "data/rows.jsonl", "data/rows.parquet", "encoder/model.safetensors"):
        found = client.snippets(f"{logged.url}/files/{quote(path)}")
        content = (files / path).read_bytes()
        for id in found.keys() & {"python", *LIBRARIES}:
            names = execute(found[id])
            assert Path(names["path"]).read_bytes() == content
            assert rows(names) in (None, [(1, 2)]) and names.get("shapes") in (None, {"w": [2]})
        shell(found["curl"])
        assert (terminal / Path(path).name).read_bytes() == content
        if path == ODD:
            assert "Downloaded" in shell(found["cli"])


@pytest.mark.parametrize(
    "name", ["a b", "it's", '"', "'\"", "$HOME `x` \\", "-rf", "ü", "a\u202eb\u200b", "~", "!x", "#"]
)
def test_names_are_quoted_for_python_and_for_a_shell(name):
    assert ast.literal_eval(literals.python(name)) == name
    assert "\u202e" not in literals.python(name) + literals.shell(name)
    done = subprocess.run(["bash", "-c", f"printf %s {literals.shell(name)}"], capture_output=True, check=True)
    assert done.stdout.decode() == name


class Visitor:
    """Somebody with a browser."""

    def __init__(self, base_url: str, name: str) -> None:
        self.http, self.base_url = urllib3.PoolManager(retries=False), base_url
        page = self.http.request("GET", f"{base_url}/login")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.data.decode())
        assert token
        cookie = page.headers["Set-Cookie"].partition(";")[0]
        fields = {"username": name, "password": f"{name} has a long password", "csrfmiddlewaretoken": token[1]}
        done = self.http.request(
            "POST",
            f"{base_url}/login",
            fields=fields,
            headers={"Cookie": cookie},
            redirect=False,
            encode_multipart=False,
        )
        assert done.status == 302
        self.cookie = "; ".join(value.partition(";")[0] for value in done.headers.getlist("Set-Cookie"))

    def snippets(self, url: str) -> dict[str, str]:
        """The texts of the tabs, by their ids."""
        page = self.http.request("GET", url, headers={"Cookie": self.cookie})
        assert page.status == 200, url
        found = re.findall(r'<pre id="use-(\w+)"[^>]*><code>(.*?)</code>', page.data.decode(), re.DOTALL)
        return {id: unescape(text) for id, text in found}


def execute(text: str) -> dict[str, Any]:
    """Run all that needs no library which is missing. The names that it made."""
    names: dict[str, Any] = {}
    missing: set[str] = set()
    for statement in ast.parse(text).body:
        used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        if absent := set(absent_imports(statement)):
            missing |= absent
        elif used & missing:
            missing |= {node.id for node in ast.walk(statement) if isinstance(getattr(node, "ctx", None), ast.Store)}
        elif not ("torch.load" in ast.unparse(statement) or "from_pretrained" in ast.unparse(statement)):
            exec(compile(ast.Module([statement], []), text, "exec"), names)
    return names


def absent_imports(statement: ast.stmt) -> Iterator[str]:
    """The names that the statement would import from libraries that are not installed."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            module = statement.module if isinstance(statement, ast.ImportFrom) else alias.name
            top = module.partition(".")[0]
            needs = (
                {top, "torch"} if module == "safetensors.torch" else {top, "numpy"} if top == "safetensors" else {top}
            )
            if not all(map(find_spec, needs)):
                yield alias.asname or alias.name


def rows(names: dict[str, Any]) -> list[tuple[Any, ...]] | None:
    """Of the data frame, if there is one."""
    frame = names.get("df")
    if frame is None:
        return None
    return frame.rows() if hasattr(frame, "rows") else list(frame.itertuples(index=False, name=None))


def shell(text: str) -> str:
    done = subprocess.run(["bash", "-c", f"set -o pipefail\n{text}"], capture_output=True, text=True)
    assert done.returncode == 0, text + done.stdout + done.stderr
    return done.stdout
