"""What a user of the official `wandb` client does in a day: each step says what holds after it.

It runs where a client is installed, and only there. The steps build on those before them. Of each it prints one line
of JSON.
"""

from __future__ import annotations

import datetime
import json
import os
import secrets
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import wandb

CLIENT = sys.argv[1]
PROJECT = f"wandb-{CLIENT}-{secrets.token_hex(3)}"
SALT = secrets.token_hex(8)  # The server knows no bytes of it.
STEPS: list[Callable[[], None]] = []


class State:
    """What later steps need of earlier ones."""

    run: wandb.Run
    offline: Path


def step(function: Callable[[], None]) -> Callable[[], None]:
    STEPS.append(function)
    return function


def quiet() -> wandb.Settings:
    """New ones for each run: `init` writes into them what it was told, such as an id."""
    return wandb.Settings(silent=True, console="off")


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def tree(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def folder_of(name: str, kind: str = "dataset", **more: object) -> wandb.Artifact:
    artifact = wandb.Artifact(name, kind, **more)
    artifact.add_dir("data")
    return artifact


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """Something must be refused, in words that hold these."""
    try:
        yield
    except Exception as error:
        assert all(word in str(error) for word in words), f"{type(error).__name__}: {error}"
    else:
        raise AssertionError("nothing was refused")


def same(found: object, expected: object) -> None:
    assert found == expected, f"{found!r} is not {expected!r}"


# --- Runs and versions ------------------------------------------------------------------------------------------------


@step
def login_takes_the_key() -> None:
    key = os.environ["WANDB_API_KEY"]
    assert wandb.login(key=key, host=os.environ["WANDB_BASE_URL"], relogin=True, verify=True)


@step
def a_run_begins() -> None:
    State.run = wandb.init(project=PROJECT, config={"lr": 0.1}, tags=["first"], settings=quiet())
    same(State.run.project, PROJECT)
    assert State.run.id and State.run.entity


@step
def a_folder_becomes_v0() -> None:
    write("data/a.txt", f"a {SALT}")
    write("data/sub/b.txt", f"b {SALT}")
    write("data/empty.txt", "")
    artifact = folder_of("set", description="three files", metadata={"rows": 2})
    State.run.log_artifact(artifact).wait()
    same((artifact.name, artifact.file_count), ("set:v0", 3))
    same(artifact.size, sum(path.stat().st_size for path in Path("data").rglob("*.txt")))
    assert "latest" in artifact.aliases


@step
def the_same_contents_make_no_new_version() -> None:
    artifact = folder_of("set", metadata={"rows": 3})
    State.run.log_artifact(artifact, aliases=["again"]).wait()
    same(artifact.version, "v0")
    stored = wandb.Api().artifact(f"{PROJECT}/set:again")
    same((stored.version, stored.metadata), ("v0", {"rows": 2}))


@step
def a_changed_file_makes_v1() -> None:
    write("data/a.txt", f"a changed {SALT}")
    artifact = folder_of("set")
    State.run.log_artifact(artifact, aliases=["prod", "two words"]).wait()
    same(artifact.name, "set:v1")
    assert {"latest", "prod", "two words"} <= set(artifact.aliases), artifact.aliases


@step
def a_version_is_read_by_number() -> None:
    found = wandb.Api().artifact(f"{PROJECT}/set:v0")
    same((found.version, found.state, found.type), ("v0", "COMMITTED", "dataset"))
    same((found.description, found.metadata, found.file_count), ("three files", {"rows": 2}, 3))
    assert found.digest and found.created_at and "latest" not in found.aliases


@step
def a_version_is_read_by_alias() -> None:
    api = wandb.Api()
    for name in ("set", "set:latest", "set:prod", "set:two words"):
        same(api.artifact(f"{PROJECT}/{name}").version, "v1")


@step
def aliases_description_and_metadata_are_edited() -> None:
    artifact = wandb.Api().artifact(f"{PROJECT}/set:v0")
    artifact.aliases.append("golden")
    artifact.aliases.remove("again")
    artifact.description = "the first"
    artifact.metadata["checked"] = True
    artifact.save()
    found = wandb.Api().artifact(f"{PROJECT}/set:golden")
    same((found.version, found.description, found.metadata), ("v0", "the first", {"rows": 2, "checked": True}))
    with refused():
        wandb.Api().artifact(f"{PROJECT}/set:again")


@step
def tags_and_lifetime_are_edited() -> None:
    artifact = wandb.Api().artifact(f"{PROJECT}/set:v0")
    artifact.tags = ["clean", "two words"]
    artifact.ttl = datetime.timedelta(days=3)
    artifact.save()
    found = wandb.Api().artifact(f"{PROJECT}/set:v0")
    same((sorted(found.tags), found.ttl), (["clean", "two words"], datetime.timedelta(days=3)))


@step
def another_type_under_the_same_name_is_refused() -> None:
    with refused():
        State.run.log_artifact(folder_of("set", "model")).wait()


@step
def what_does_not_exist_is_not_found() -> None:
    api = wandb.Api()
    for name in ("nothing:v0", "set:v99", "set:no-such-alias"):
        with refused():
            api.artifact(f"{PROJECT}/{name}")
    same((api.artifact_exists(f"{PROJECT}/nothing:v0"), api.artifact_exists(f"{PROJECT}/set:v0")), (False, True))


@step
def a_run_uses_a_version() -> None:
    same(State.run.use_artifact("set:v0").version, "v0")


@step
def lineage_is_seen_from_the_version() -> None:
    artifact = wandb.Api().artifact(f"{PROJECT}/set:v0")
    same(artifact.logged_by().id, State.run.id)
    same([run.id for run in artifact.used_by()], [State.run.id])


@step
def lineage_is_seen_from_the_run() -> None:
    run = wandb.Api().run(State.run.path)
    assert {"set:v0", "set:v1"} <= {artifact.name for artifact in run.logged_artifacts()}
    same([artifact.name for artifact in run.used_artifacts()], ["set:v0"])


@step
def a_version_is_downloaded_whole_and_in_part() -> None:
    artifact = wandb.Api().artifact(f"{PROJECT}/set:v1")
    artifact.download(root="whole")
    same(tree("whole"), ["a.txt", "empty.txt", "sub/b.txt"])
    same(Path("whole/a.txt").read_text(), f"a changed {SALT}")
    artifact.download(root="part", path_prefix="sub", skip_cache=True)
    same(tree("part"), ["sub/b.txt"])


@step
def single_files_are_listed_and_downloaded() -> None:
    artifact = wandb.Api().artifact(f"{PROJECT}/set:v1")
    path = artifact.get_entry("sub/b.txt").download(root="single", skip_cache=True)
    same(Path(path).read_text(), f"b {SALT}")
    sizes = {name: (Path("data") / name).stat().st_size for name in ("a.txt", "sub/b.txt", "empty.txt")}
    same({file.name: file.size for file in artifact.files()}, sizes)
    same([file.name for file in artifact.files(names=["a.txt"])], ["a.txt"])


# --- Other ways to make versions --------------------------------------------------------------------------------------


@step
def a_draft_of_a_version_is_changed_and_logged() -> None:
    draft = wandb.Api().artifact(f"{PROJECT}/set:v1").new_draft()
    draft.add_file("data/a.txt", name="extra.txt")
    draft.remove("empty.txt")
    State.run.log_artifact(draft).wait()
    same((draft.name, sorted(draft.manifest.entries)), ("set:v2", ["a.txt", "extra.txt", "sub/b.txt"]))
    draft.download(root="draft", skip_cache=True)
    same(Path("draft/extra.txt").read_text(), Path("draft/a.txt").read_text())


@step
def references_to_files_are_kept_as_references() -> None:
    artifact = wandb.Artifact("pointers", "dataset")
    artifact.add_reference(f"file://{Path('data').resolve()}")
    State.run.log_artifact(artifact).wait()
    found = wandb.Api().artifact(f"{PROJECT}/pointers:latest")
    entry = found.manifest.entries["sub/b.txt"]
    same((entry.ref.partition(":")[0], entry.size), ("file", Path("data/sub/b.txt").stat().st_size))
    same(tree(found.download(root="pointed")), ["a.txt", "empty.txt", "sub/b.txt"])


@step
def an_entry_of_another_version_is_referred_to() -> None:
    source = wandb.Api().artifact(f"{PROJECT}/set:v1")
    artifact = wandb.Artifact("crossing", "dataset")
    artifact.add_reference(source.get_entry("a.txt"), name="theirs.txt")
    State.run.log_artifact(artifact).wait()
    found = wandb.Api().artifact(f"{PROJECT}/crossing:latest")
    same(found.manifest.entries["theirs.txt"].ref.partition(":")[0], "wandb-artifact")
    found.download(root="crossed")
    same(Path("crossed/theirs.txt").read_text(), f"a changed {SALT}")


@step
def a_table_is_logged_with_the_run() -> None:
    State.run.log({"table": wandb.Table(columns=["n"], data=[[1], [2]])})


@step
def a_version_is_linked_into_a_portfolio() -> None:
    source = wandb.Api().artifact(f"{PROJECT}/set:v0")
    State.run.link_artifact(source, f"{PROJECT}/shelf", aliases=["blessed"])
    linked = wandb.Api().artifact(f"{PROJECT}/shelf:blessed")
    same((linked.is_link, linked.version, linked.digest), (True, "v0", source.digest))
    assert {"blessed", "latest"} <= set(linked.aliases), linked.aliases
    same((linked.source_name, linked.source_collection.name, linked.collection.name), ("set:v0", "set", "shelf"))
    same([(one.name, one.is_link) for one in source.linked_artifacts], [("shelf:v0", True)])
    same(tree(linked.download(root="shelved")), tree(source.download(root="whole-set")))
    linked.aliases.append("checked")
    linked.save()
    found = wandb.Api().artifact(f"{PROJECT}/shelf:checked")
    same((found.version, "checked" in wandb.Api().artifact(f"{PROJECT}/set:v0").aliases), ("v0", False))
    found.aliases.remove("checked")
    found.save()
    State.run.link_artifact(wandb.Api().artifact(f"{PROJECT}/set:v1"), f"{PROJECT}/shelf")
    newest = wandb.Api().artifact(f"{PROJECT}/shelf:latest")
    same((newest.version, newest.source_name), ("v1", "set:v1"))
    newest.unlink()
    left = [wandb.Api().artifact_exists(f"{PROJECT}/{name}") for name in ("shelf:v1", "set:v1")]
    same(left, [False, True])
    same([one.version for one in wandb.Api().artifacts("dataset", f"{PROJECT}/shelf")], ["v0"])


@step
def a_version_is_linked_into_a_registry() -> None:
    registry = f"wandb-registry-{State.run.id}"
    made = wandb.Api().create_registry(State.run.id, visibility="organization", organization="acme")
    same((made.full_name, made.visibility), (registry, "organization"))
    source = wandb.Api().artifact(f"{PROJECT}/set:v0")
    State.run.link_artifact(source, f"acme/{registry}/best", aliases=["blessed"])
    linked = wandb.Api(overrides={"organization": "acme"}).artifact(f"{registry}/best:blessed")
    same((linked.is_link, linked.source_name, linked.entity, linked.project), (True, "set:v0", "acme", registry))
    found = wandb.Api().registries(organization="acme", filter={"name": registry})
    same([each.name.removeprefix("wandb-registry-") for each in found], [State.run.id])
    same([each.name for each in found.collections()], ["best"])
    same([(each.name, each.source_name) for each in found.versions()], [("best:v0", "set:v0")])


@step
def people_and_teams_are_read() -> None:
    api = wandb.Api()
    team = api.team("acme")
    assert {"alice", "bob"} <= {member.username for member in team.members}
    same((api.user("alice").username, api.user("nobody-has-this-name")), ("alice", None))
    with refused():
        # The oldest raises what the newest answers.
        assert team.invite("carol")
    if CLIENT == "newest":
        # The oldest one takes the names of keys for keys.
        assert api.viewer.generate_api_key("for a moment")


@step
def types_collections_and_versions_are_listed() -> None:
    api = wandb.Api()
    assert "dataset" in [kind.name for kind in api.artifact_types(PROJECT)]
    assert "set" in {each.name for each in api.artifact_type("dataset", PROJECT).collections()}
    listed = [each.version for each in api.artifacts("dataset", f"{PROJECT}/set")]
    assert listed[-2:] == ["v1", "v0"], listed
    same(api.artifact_collection_exists(f"{PROJECT}/set", "dataset"), True)
    same(api.artifact_collection_exists(f"{PROJECT}/nothing", "dataset"), False)


@step
def a_version_with_aliases_is_deleted_when_told_twice() -> None:
    write("data/a.txt", f"a for a short time {SALT}")
    State.run.log_artifact(folder_of("brief")).wait()
    artifact = wandb.Api().artifact(f"{PROJECT}/brief:v0")
    with refused():
        artifact.delete()
    artifact.delete(delete_aliases=True)
    same(wandb.Api().artifact_exists(f"{PROJECT}/brief:v0"), False)


# --- The run itself ---------------------------------------------------------------------------------------------------


@step
def a_run_ends() -> None:
    for number in range(5):
        State.run.log({"loss": 1 / (number + 1), "nested": {"acc": number}, "nan": float("nan")})
    State.run.summary["best"] = 0.2
    State.run.config.update({"epochs": 5})
    write("notes.txt", "some notes")
    State.run.save("notes.txt")
    State.run.finish()
    run = wandb.Api().run(State.run.path)
    same((run.state, dict(run.config)), ("finished", {"lr": 0.1, "epochs": 5}))
    same((run.summary["best"], run.summary["loss"]), (0.2, 0.2))


@step
def history_is_read_back() -> None:
    run = wandb.Api().run(State.run.path)
    same([row["loss"] for row in run.scan_history(keys=["loss"])], [1 / (number + 1) for number in range(5)])
    same([row["nested.acc"] for row in run.history(keys=["nested.acc"], pandas=False)], list(range(5)))


@step
def files_of_the_run_are_read_back() -> None:
    run = wandb.Api().run(State.run.path)
    names = {file.name for file in run.files()}
    assert {"notes.txt", "config.yaml", "wandb-summary.json", "wandb-metadata.json"} <= names, names
    with run.file("notes.txt").download(root="files", replace=True) as file:
        same(file.read(), "some notes")


@step
def runs_are_found_by_filter_and_order() -> None:
    other = wandb.init(project=PROJECT, config={"lr": 0.5}, tags=["second"], settings=quiet())
    other.finish()
    api, ids = wandb.Api(), [State.run.id, other.id]
    same(sorted(run.id for run in api.runs(PROJECT)), sorted(ids))
    same([run.id for run in api.runs(PROJECT, filters={"config.lr": {"$lt": 0.3}})], ids[:1])
    same([run.id for run in api.runs(PROJECT, filters={"tags": {"$in": ["second"]}})], ids[1:])
    same([run.id for run in api.runs(PROJECT, order="+created_at")], ids)


@step
def a_finished_run_is_resumed() -> None:
    before = wandb.Api().run(State.run.path).lastHistoryStep
    again = wandb.init(project=PROJECT, id=State.run.id, resume="must", settings=quiet())
    same(again.starting_step, before + 1)
    again.log({"loss": 0.1})
    again.finish()
    run = wandb.Api().run(State.run.path)
    same((run.lastHistoryStep, run.summary["loss"], run.config["epochs"]), (before + 1, 0.1, 5))


@step
def an_offline_run_is_synced() -> None:
    with wandb.init(project=PROJECT, mode="offline", settings=quiet()) as run:
        run.log({"loss": 0.5})
        State.offline = Path(run.dir).parent
    command = [sys.executable, "-m", "wandb", "sync", str(State.offline)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    same(done.returncode, 0)
    found = wandb.Api().run(f"{PROJECT}/{run.id}")
    same((found.summary["loss"], found.state), (0.5, "finished"))


@step
def a_run_that_failed_says_so() -> None:
    run = wandb.init(project=PROJECT, settings=quiet())
    run.finish(exit_code=1)
    same(wandb.Api().run(run.path).state, "failed")


@step
def an_alert_stops_no_run() -> None:
    run = wandb.init(project=PROJECT, settings=quiet())
    run.alert("Loss is NaN", "at step 12", level="WARN")
    run.finish()
    same(wandb.Api().run(run.path).state, "finished")


def main() -> None:
    for function in STEPS:
        error = ""
        try:
            function()
        except Exception:
            error = traceback.format_exc(limit=-6)
        print(json.dumps({"step": function.__name__, "error": error}), flush=True)


if __name__ == "__main__":
    main()
