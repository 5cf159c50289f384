"""Typed data: what each schema asks for, and that it is asked for on save."""

import pandas as pd
import pydantic
import pytest

from wanllmdb.records import (
    ArtifactIn,
    GenericArtifactData,
    GenericMetadata,
    MLMetadata,
    MLPredictionArtifactData,
    MLTrainingWorkspaceArtifactData,
    errors,
    validate_artifact_data,
)

TIMES = {"started_at": "2025-10-18T10:00:00Z", "completed_at": "2025-10-18T10:05:00Z", "duration_seconds": 300.0}
METADATA = {"status": "success", "config_id": "01CONFIG", **TIMES}
FRAME_TYPE = "application/vnd.chapkit.dataframe+json"


def training(content, **metadata):
    """As the examples construct it: the dict keeps the object."""
    model = MLTrainingWorkspaceArtifactData(
        type="ml_training_workspace",
        metadata=MLMetadata(**METADATA | metadata),
        content=content,
        content_type="application/x-pickle",
    )
    return {
        "type": model.type,
        "metadata": model.metadata.model_dump(),
        "content": content,
        "content_type": model.content_type,
        "content_size": model.content_size,
    }


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "metadata",
    [METADATA | {"status": "perhaps"}, METADATA | {"duration_seconds": -1}, METADATA | {"started_at": "soon"}, {}],
    ids=["status", "duration", "time", "nothing"],
)
@pytest.mark.parametrize("kind", ["ml_training_workspace", "ml_prediction"])
async def test_wrong_metadata_is_refused(manager, kind, metadata):
    with pytest.raises(errors.InvalidData, match="metadata"):
        await manager.save(ArtifactIn(data={"type": kind, "metadata": metadata, "content": [1, 2]}))
    assert await manager.count() == 0


@pytest.mark.asyncio
async def test_a_model_is_stored_with_structured_metadata(manager):
    saved = await manager.save(ArtifactIn(data=training({1, 2, 3})))

    found = await manager.find_by_id(saved.id)

    assert MLMetadata(**found.data["metadata"]) == MLMetadata(**METADATA)
    assert found.type == found.data["type"] == "ml_training_workspace"
    assert found.data["content"] == {1, 2, 3}


@pytest.mark.asyncio
async def test_metadata_and_content_are_read_separately(manager):
    saved = await manager.save(ArtifactIn(data=training(b"\0\1", duration_seconds=12.5)))

    found = await manager.find_by_id(saved.id)

    assert found.data["metadata"]["duration_seconds"] == 12.5
    assert found.data["content"] == b"\0\1"


@pytest.mark.asyncio
async def test_training_is_on_level_0_and_predictions_on_level_1(manager):
    model = await manager.save(ArtifactIn(data=training(frozenset({1}))))
    predictions = [
        await manager.save(
            ArtifactIn(
                parent_id=model.id, data={"type": "ml_prediction", "metadata": METADATA, "content": {"rows": [n]}}
            )
        )
        for n in range(3)
    ]

    assert model.level == 0
    assert [(prediction.level, prediction.parent_id) for prediction in predictions] == [(1, model.id)] * 3
    tree = await manager.build_tree(model.id)
    assert [child.type for child in tree.children] == ["ml_prediction"] * 3


@pytest.mark.asyncio
async def test_generic_metadata_takes_any_field(manager):
    metadata = GenericMetadata(owner="docs", reviewers=["ana"], nested={"a": {"b": 1}})
    data = GenericArtifactData(type="generic", metadata=metadata, content="text")
    saved = await manager.save(ArtifactIn(data=data.model_dump()))

    found = await manager.find_by_id(saved.id)

    assert metadata.owner == "docs"
    assert found.data["metadata"] == {"owner": "docs", "reviewers": ["ana"], "nested": {"a": {"b": 1}}}


@pytest.mark.asyncio
@pytest.mark.parametrize("content", [{"a": [1, None]}, [1, "two"], "text", 3.5, True, None], ids=str)
async def test_generic_content_is_any_json(manager, content):
    data = GenericArtifactData(type="generic", metadata=GenericMetadata(), content=content)
    saved = await manager.save(ArtifactIn(data=data.model_dump()))

    assert (await manager.find_by_id(saved.id)).data["content"] == content


@pytest.mark.parametrize("missing", ["status", "config_id", "started_at", "completed_at", "duration_seconds"])
def test_ml_metadata_is_required_whole(missing):
    MLMetadata(**METADATA)
    incomplete = {name: value for name, value in METADATA.items() if name != missing}
    for schema in (MLTrainingWorkspaceArtifactData, MLPredictionArtifactData):
        with pytest.raises(pydantic.ValidationError, match=missing):
            schema(metadata=incomplete, content=None)


def test_content_has_a_type_and_a_size():
    data = validate_artifact_data(training({1}) | {"content_size": 7})

    assert isinstance(data, MLTrainingWorkspaceArtifactData)
    assert (data.content_type, data.content_size) == ("application/x-pickle", 7)
    with pytest.raises(pydantic.ValidationError):
        validate_artifact_data(training({1}) | {"content_size": -7})


@pytest.mark.asyncio
async def test_predictions_hold_a_data_frame(manager):
    frame = pd.DataFrame({"location": ["oslo", "bergen"], "cases": [3, 5]})
    model = MLPredictionArtifactData(
        type="ml_prediction", metadata=MLMetadata(**METADATA), content=frame, content_type=FRAME_TYPE
    )
    data = {
        "type": model.type,
        "metadata": model.metadata.model_dump(),
        "content": frame,
        "content_type": model.content_type,
    }
    saved = await manager.save(ArtifactIn(data=data))

    found = await manager.find_by_id(saved.id)

    pd.testing.assert_frame_equal(found.data["content"], frame)
    assert found.data["content_type"] == FRAME_TYPE


@pytest.mark.asyncio
async def test_the_content_type_of_generic_data_is_configurable(manager):
    data = {"type": "generic", "metadata": {}, "content": "# Title", "content_type": "text/markdown"}
    saved = await manager.save(ArtifactIn(data=data))

    assert (await manager.find_by_id(saved.id)).data == data
