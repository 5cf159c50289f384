from types import SimpleNamespace

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import http_client, stored_run


@pytest.fixture
def logged(run, project):
    for number in (1, 2):
        artifact = wandb.Artifact("training-dataset", "dataset", description="Rows of customers")
        with artifact.new_file("rows.csv") as file:
            file.write(f"version {number}")
        run.log_artifact(artifact, aliases=[f"n{number}"])
    artifact = wandb.Artifact("net", "model")
    with artifact.new_file("weights") as file:
        file.write("w")
    run.log_artifact(artifact)
    return project


def test_an_artifact_by_its_name(logged, monkeypatch):
    artifact = wandb.Api().artifact(f"{logged}/training-dataset:n1", type="dataset")
    assert (artifact.version, artifact.aliases, artifact.entity, artifact.project) == ("v1", ["n1"], *logged.split("/"))
    assert artifact.qualified_name == f"{logged}/training-dataset:v1"
    entity, project = logged.split("/")
    assert wandb.Api(entity=entity, project=project).artifact("training-dataset").version == "v2"
    monkeypatch.setenv("WANLLMDB_PROJECT", logged)
    assert wandb.Api().artifact("training-dataset:latest").version == "v2"
    assert wandb.Api(entity=entity).artifact(f"{project}/net").version == "v1"
    assert artifact.used_by() == []


def test_missing_things_are_errors(logged):
    api = wandb.Api()
    with pytest.raises(wandb.AliasNotFound, match="Alias 'nope' not found"):
        api.artifact(f"{logged}/training-dataset:nope")
    with pytest.raises(wandb.NotFound):
        api.artifact(f"{logged}/training-dataset:v9")
    for call in (
        lambda: api.artifact(f"{logged}/absent:latest"),
        lambda: api.collection(f"{logged}/absent"),
        lambda: api.project("acme/absent"),
        lambda: list(api.artifacts("acme/absent")),
    ):
        with pytest.raises(wandb.NotFound):
            call()
    with pytest.raises(wandb.TypeDiffers):
        api.artifact(f"{logged}/net", type="dataset")
    with pytest.raises(wandb.Invalid, match="No project given"):
        api.artifact("training-dataset")


def test_artifacts_are_listed_and_filtered(logged):
    api = wandb.Api()
    collection = api.collection(f"{logged}/training-dataset")
    collection.description = "Rows of customers"
    collection.save()
    assert [artifact.name for artifact in api.artifacts(logged)] == ["net", "training-dataset"]
    assert [artifact.name for artifact in api.artifacts(logged, type="model")] == ["net"]
    assert [artifact.name for artifact in api.artifacts(logged, search="customers")] == ["training-dataset"]
    assert [artifact.name for artifact in api.artifacts(logged, alias="n1")] == ["training-dataset"]
    assert {"net", "training-dataset"} <= {artifact.name for artifact in api.artifacts()}


def test_lists_that_match_a_query(logged, run):
    run.config["lr"] = 0.1
    run.finish()
    api = wandb.Api()
    [dataset] = api.artifacts(logged, q="file:*.csv type:dataset")
    assert [version.version for version in dataset.versions(q="alias:n1")] == ["v1"]
    assert [found.name for found in api.runs(logged, {"state": "finished"}, q="config.lr>0.05")] == [run.name]
    assert len(api.runs(logged, q="config.lr>0.5")) == 0
    assert logged in [project.full_name for project in api.projects(q=logged)]
    with pytest.raises(wandb.Invalid, match=r"Write metadata\.mAP>0\.7"):
        list(api.artifacts(logged, q="mAP>0.7"))


def test_a_collection_has_its_versions_and_aliases(logged):
    collection = wandb.Api().collection(f"{logged}/training-dataset")
    assert (collection.version_count, collection.latest_version) == (2, "v2")
    assert [version.version for version in collection.versions()] == ["v2", "v1"]
    assert collection.all_aliases() == {"latest": "v2", "n1": "v1", "n2": "v2"}
    for found in (collection, *wandb.Api().artifacts(logged, alias="n1")):
        assert (found.alias_versions, found.alias_count) == ({"latest": "v2", "n1": "v1", "n2": "v2"}, 3)


def test_a_collection_has_a_description_of_its_own(logged):
    api = wandb.Api()
    collection = api.collection(f"{logged}/training-dataset")
    assert (collection.description, collection.metadata, collection.tags) == ("", {}, [])
    assert [version.description for version in collection.versions()] == ["Rows of customers"] * 2
    collection.description, collection.metadata["owner"] = "Who buys what", "data team"
    collection.tags.append("gdpr")
    collection.save()
    collection.save()
    again = next(found for found in api.artifacts(logged) if found.name == "training-dataset")
    assert (again.description, again.metadata, again.tags) == ("Who buys what", {"owner": "data team"}, ["gdpr"])
    assert api.artifact(f"{logged}/training-dataset").description == "Rows of customers"
    # Of two who change the tags neither undoes what the other does.
    collection.tags = ["eu"]
    collection.save()
    again.tags.append("raw")
    again.save()
    assert again.tags == api.collection(f"{logged}/training-dataset").tags == ["eu", "raw"]
    again.description = None
    again.save()
    assert again.tags == api.collection(f"{logged}/training-dataset").tags
    assert api.collection(f"{logged}/training-dataset").description == ""
    again.metadata = {"x": "y" * 2**21}
    with pytest.raises(wandb.Invalid, match="metadata"):
        again.save()


def test_projects_are_listed(logged):
    api = wandb.Api()
    project = api.project(logged)
    assert (project.full_name, project.visibility) == (logged, "private")
    assert logged in [project.full_name for project in api.projects()]
    assert logged in [project.full_name for project in api.projects("acme")]
    assert api.viewer["username"] == "bob"


def test_deep_changes_of_metadata_are_saved(run, project):
    class Number:
        def tolist(self):
            return 0.9

    logged = run.log_artifact(wandb.Artifact("m", "model", metadata={"eval": {"acc": 0.1}, "tags": [1], "ok": 1}))
    assert logged.metadata == {"eval": {"acc": 0.1}, "tags": [1], "ok": 1}
    api = wandb.Api()
    artifact = api.artifact(f"{project}/m:latest")
    artifact.metadata["eval"]["acc"] = Number()
    artifact.metadata["tags"].append({2})
    artifact.metadata["ok"] = True
    artifact.save()
    saved = api.artifact(f"{project}/m:latest").metadata
    assert saved == {"eval": {"acc": 0.9}, "tags": [1, [2]], "ok": True}
    assert saved["ok"] is True
    artifact.metadata["tags"][1].add(3)
    artifact.save()
    assert api.artifact(f"{project}/m:latest").metadata["tags"] == [1, [2, 3]]
    artifact.metadata["tags"].append("\0")
    artifact.description = "not sent either"
    with pytest.raises(wandb.Invalid, match="metadata: 'tags': a text with a NUL character"):
        artifact.save()
    assert api.artifact(f"{project}/m:latest").description == ""


def test_a_list_that_shrinks_meanwhile_is_read_to_its_end(run, project, monkeypatch):
    monkeypatch.setattr(http_client, "PAGE_SIZE", 2)
    for number in range(5):
        artifact = wandb.Artifact("data", "dataset")
        with artifact.new_file("a") as file:
            file.write(str(number))
        run.log_artifact(artifact)
        run.log_artifact(wandb.Artifact(f"other-{number}", "file"))
    for _ in range(3):
        with wandb.init(project=project, reinit=True) as other:
            other.use_artifact("data:v1")
    api = wandb.Api(overrides={"project": project})
    listed = api.runs(per_page=2)
    assert (len(listed), len(listed[1:3]), len(list(listed)), len(list(listed))) == (4, 2, 4, 4)
    assert len(api.runs(path=project, filters={"config.absent": {"$exists": False}}, order="name")) == 4
    versions = api.artifact_versions(type_name="dataset", name="data", per_page=3)
    assert (len(versions), versions[0].version, versions[-1].version) == (5, "v5", "v1")
    assert len(api.artifacts(project)) == len(api.artifact_collections(project)) == 6
    assert len(api.artifact_collections(project, "file")) == 5
    assert [api.artifact_exists(f"data:{x}") for x in ("v1", "nope")] == [True, False]
    assert [api.artifact_collection_exists(name) for name in ("data", "nope")] == [True, False]
    assert not api.artifact_exists("data", type="model")
    assert not api.artifact_collection_exists("data", "model")
    with pytest.raises(wandb.TypeDiffers):
        api.artifact_collection("model", "data")
    for wrong in ({"type_name": "dataset", "name": "data"}, {"project": "dataset", "type": f"{project}/data"}):
        with pytest.raises(wandb.Invalid, match="for the versions of one use artifact_versions"):
            api.artifacts(**wrong)
    assert api.create_project(f"{project}-made").full_name == api.project(f"{project}-made").full_name
    assert api.default_entity == "bob"
    delete = api._connection.client.delete
    assert len(api.artifact(f"{project}/data:v1").used_by()) == 3
    versions = []
    for version in api.collection(f"{project}/data").versions():
        versions.append(version.version)
        delete(f"/artifacts/versions/{version.id}")
    assert versions == ["v5", "v4", "v3", "v2", "v1"]
    met = []
    for collection in api.artifacts(project):
        met.append(collection.name)
        delete(f"/artifacts/{collection.id}")
    assert met == ["other-4", "other-3", "other-2", "other-1", "other-0", "data"]
    projects = [one.full_name for one in api.projects("acme")]
    assert project in projects
    assert len(set(projects)) == len(projects)


def test_a_url_that_is_not_that_of_the_server_gets_a_hint(stack, bob):
    for path in ("/api", "/acme/churn"):
        with pytest.raises(wandb.NotFound, match=f"The URL has the path {path}: it should be that of the server"):
            _ = wandb.Api(stack.base_url + path).viewer


def test_the_history_of_a_run_in_the_ways_of_wandb(run, project, monkeypatch):
    for epoch in range(4):
        run.log({"epoch": 3 - epoch}, commit=False)
        run.log({"loss": 1 / (epoch + 1)})
    run.log({"loss": 0.1, "rest": True}, commit=False)
    run.finish()
    stored = wandb.Api().run(run.path)
    assert (stored.last_step, stored.summary) == (5, {"epoch": 0, "loss": 0.1, "rest": True})
    assert [row["epoch"] for row in stored.scan_history(keys=["epoch"], page_size=2)] == [3, 2, 1, 0]
    assert stored.history(keys=["loss"], x_axis="epoch", samples=2) == [
        {"epoch": 0, "loss": 0.25}, {"epoch": 3, "loss": 1.0},
    ]  # fmt: skip
    assert (stored.entity, stored.username, stored.summary_metrics["rest"]) == ("acme", "bob", True)
    assert stored.files() == []
    with pytest.raises(wandb.NotFound, match="kept no file"):
        stored.file("weights.txt")
    frame = SimpleNamespace(DataFrame=SimpleNamespace(from_records=len))
    monkeypatch.setattr(stored_run, "find_spec", lambda name: frame)
    monkeypatch.setattr(stored_run, "import_module", lambda name: frame)
    assert stored.history(pandas=True) == 5
    monkeypatch.setattr(stored_run, "find_spec", lambda name: None)
    with pytest.raises(wandb.Invalid, match="needs pandas, which is not installed"):
        stored.history(pandas=True)
