"""Tags and the time to live of a version, set on drafts and on logged artifacts, online and offline."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import wanllmdb as wandb

HOUR = timedelta(hours=1)


@pytest.fixture
def draft(tmp_path: Path) -> wandb.Artifact:
    (tmp_path / "a.txt").write_text("a")
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_file(tmp_path / "a.txt")
    return artifact


def test_a_draft_is_logged_with_both(run, project, draft, tmp_path, capsys):
    draft.tags, draft.ttl = ["clean", "two words"], 36 * HOUR
    run.log_artifact(draft, tags=["of the artifact"])

    assert (draft.tags, draft.ttl) == (["clean", "two words"], 36 * HOUR)
    found = wandb.Api().artifact(f"{project}/data:latest")
    assert (found.tags, found.ttl) == (["clean", "two words"], 36 * HOUR)
    assert wandb.Api().artifact_collection("dataset", f"{project}/data").tags == ["of the artifact"]
    again = wandb.Artifact("data", "dataset")
    again.add_file(tmp_path / "a.txt")
    again.ttl = HOUR
    run.log_artifact(again)
    assert again.ttl == 36 * HOUR
    assert "Its tags and TTL were not changed" in capsys.readouterr().out


def test_both_are_edited_and_saved(run, project, draft):
    run.log_artifact(draft)
    draft.tags += ["raw", "eu"]
    draft.ttl = 2 * HOUR
    draft.save()
    other = wandb.Api().artifact(f"{project}/data:latest")
    assert (other.tags, other.ttl) == (["raw", "eu"], 2 * HOUR)

    # Of two who change tags, neither undoes what the other does.
    other.tags.append("checked")
    draft.tags = "eu"
    other.save()
    draft.save()
    assert draft.tags == ["eu", "checked"]
    draft.ttl = None
    draft.save()
    found = wandb.Api().artifact(f"{project}/data:latest")
    assert (found.tags, found.ttl) == (["eu", "checked"], None)
    draft.save()


@pytest.mark.parametrize("ttl", [timedelta(0), -HOUR, 3600, timedelta(milliseconds=10), 40_000 * 24 * HOUR])
def test_odd_times_are_refused(draft, ttl):
    with pytest.raises(wandb.errors.Invalid):
        draft.ttl = ttl


def test_odd_tags_are_refused(run, draft):
    with pytest.raises(wandb.errors.InvalidName):
        draft.tags = ["a\nb"]
    draft.tags = ["fine"]
    draft.tags.append("x" * 1000)
    with pytest.raises(wandb.errors.InvalidName):
        run.log_artifact(draft)


def test_both_survive_offline(bob, project, draft, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    team, _, name = project.partition("/")
    draft.tags, draft.ttl = ["clean"], 36 * HOUR
    with wandb.init(project=name, entity=team, mode="offline") as run:
        run.log_artifact(draft)
        assert (draft.tags, draft.ttl) == (["clean"], 36 * HOUR)
    subprocess.run([sys.executable, "-m", "wanllmdb", "sync"], check=True)

    found = wandb.Api().artifact(f"{project}/data:latest")
    assert (found.tags, found.ttl) == (["clean"], 36 * HOUR)
