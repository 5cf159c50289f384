"""Lists of what has more metadata than fits in a list: everything is there once, and what it has is right."""

import wanllmdb as wandb

COUNT = 6
LONG = 900_000


def test_metadata_of_a_list_is_fetched_when_it_is_read(bob, project):
    for number in range(COUNT):
        with wandb.init(project=project, config={"number": number, "text": "c" * LONG}) as run:
            if number:
                run.use_artifact("data:v1")
            artifact = wandb.Artifact("data", "dataset", metadata={"number": number, "text": "x" * LONG})
            with artifact.new_file("rows") as file:
                file.write(f"{number}")
            run.log_artifact(artifact)
    versions = list(wandb.Api().collection(f"{project}/data").versions())
    read = [version.metadata["number"] for version in versions]
    assert read == list(reversed(range(COUNT)))
    assert [len(version.metadata["text"]) for version in versions] == [LONG] * COUNT

    used_by = versions[-1].used_by()
    assert [run.config["number"] for run in used_by] == list(reversed(range(1, COUNT)))
    assert all(len(run.config["text"]) == LONG for run in used_by)


def test_what_was_not_read_is_not_saved_and_what_was_set_is(bob, project):
    text = {"text": "x" * LONG}
    with wandb.init(project=project) as run:
        for number in range(COUNT):
            artifact = wandb.Artifact("data", "dataset", metadata=text)
            with artifact.new_file("rows") as file:
                file.write(f"{number}")
            run.log_artifact(artifact)
    collection = wandb.Api().collection(f"{project}/data")
    for version in collection.versions():
        version.aliases.append(f"stage-{version.version}")
        if version.version in ("v1", "v6"):
            version.metadata = {"short": version.version}
        version.save()
    after = {version.version: (version.metadata, version.aliases[-1]) for version in collection.versions()}
    assert after == {
        f"v{number}": ({"short": f"v{number}"} if number in (1, 6) else text, f"stage-v{number}")
        for number in range(1, COUNT + 1)
    }
