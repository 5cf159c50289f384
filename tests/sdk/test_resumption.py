"""`init(resume="auto")` without an id: which run goes on. In mode `offline`, which keeps the names."""

import json

import pytest

import wanllmdb as wandb


@pytest.fixture
def names(tmp_path, monkeypatch):
    """The names of the runs so far, oldest first."""
    monkeypatch.setenv("WANLLMDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WANLLMDB_MODE", "offline")
    monkeypatch.setenv("WANLLMDB_SILENT", "true")
    (tmp_path / "job").mkdir()
    monkeypatch.chdir(tmp_path / "job")
    return lambda: [
        json.loads((path / "run.json").read_text())["name"]
        for path in sorted((tmp_path / "cache/offline").glob("2*"), key=lambda path: path.stat().st_ctime_ns)
    ]


def test_what_did_not_finish_goes_on_until_it_has(names, tmp_path, monkeypatch):
    for exit_code in (1, 0, 0):
        wandb.init(project="acme/x", resume="auto").finish(exit_code)
    wandb.init(project="acme/y", resume=True).finish(1)
    monkeypatch.chdir(tmp_path)
    wandb.init(project="acme/x", resume=True).finish(1)

    first, second, third, other_project, other_directory = names()
    assert first == second and len({first, third, other_project, other_directory}) == 4


def test_an_id_names_the_run(names):
    for resume in ("auto", True):
        wandb.init(project="acme/x", id="mine", resume=resume).finish(1)
    assert names() == ["mine", "mine"]
    with pytest.raises(wandb.Invalid, match="needs the id of the run"):
        wandb.init(resume="must")
    with pytest.raises(wandb.Invalid, match='"never" or "auto"'):
        wandb.init(resume="perhaps")
