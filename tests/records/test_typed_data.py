"""Typed data: the shape of each type, what is refused, and that the library refuses it when a record is saved."""

from datetime import datetime, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from wanllmdb import records
from wanllmdb.records import (
    ArtifactData,
    ArtifactHierarchy,
    ArtifactIn,
    GenericArtifactData,
    GenericMetadata,
    MLMetadata,
    MLPredictionArtifactData,
    MLTrainingWorkspaceArtifactData,
    errors,
    typed_data,
    validate_artifact_data,
)

METADATA = {
    "status": "success",
    "config_id": "01CONFIG...",
    "started_at": "2025-10-18T10:00:00Z",
    "completed_at": "2025-10-18T10:05:00Z",
    "duration_seconds": 300.0,
}
TRAINING = {"type": "ml_training_workspace", "metadata": METADATA, "content": None}


def test_each_type_has_its_class():
    for name, kind in (
        ("ml_training_workspace", MLTrainingWorkspaceArtifactData),
        ("ml_prediction", MLPredictionArtifactData),
    ):
        data = {"type": name, "metadata": METADATA, "content": object()}
        validated = validate_artifact_data(data)
        assert type(validated) is kind
        assert validated.content is data["content"]
        assert type(TypeAdapter(ArtifactData).validate_python(data)) is kind
    generic = validate_artifact_data({"metadata": {"any": {"thing": 1}}, "content": [1]})
    assert type(generic) is GenericArtifactData
    assert generic.metadata.model_dump() == {"any": {"thing": 1}}
    assert (generic.type, generic.content_type, generic.content_size) == ("generic", None, None)


def test_content_is_a_placeholder_in_json_only():
    content = object()
    validated = validate_artifact_data({**TRAINING, "content": content})
    assert validated.model_dump()["content"] is content
    assert validated.model_dump(mode="json")["content"]["_type"] == "object"
    assert MLTrainingWorkspaceArtifactData.model_json_schema()["properties"]["content"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "done"),
        ("config_id", None),
        ("started_at", "yesterday"),
        ("started_at", "1700000000"),
        ("completed_at", 5),
        ("duration_seconds", -1),
        ("duration_seconds", float("nan")),
        ("duration_seconds", "long"),
        ("exit_code", "x"),
        ("stdout", 5),
    ],
)
def test_wrong_metadata_is_refused(field, value):
    with pytest.raises(ValidationError):
        MLMetadata(**{**METADATA, field: value})
    problems = typed_data.find_problems({**TRAINING, "metadata": {**METADATA, field: value}})
    assert list(problems) == [f"metadata.{field}"]


def test_missing_and_unknown_fields_are_refused():
    for field in METADATA:
        metadata = {name: value for name, value in METADATA.items() if name != field}
        assert list(typed_data.find_problems({**TRAINING, "metadata": metadata})) == [f"metadata.{field}"]
    assert list(typed_data.find_problems({**TRAINING, "extra": 1})) == ["extra"]
    assert list(typed_data.find_problems({"type": "generic", "metadata": {}})) == ["content"]
    assert list(typed_data.find_problems({"type": "generic", "metadata": 5, "content": 1})) == ["metadata"]
    with pytest.raises(ValidationError):
        validate_artifact_data({"type": "unknown", "metadata": {}, "content": 1})
    with pytest.raises(ValidationError):
        validate_artifact_data([])


def test_other_data_is_free():
    for data in ({}, {"type": "other"}, {"type": 5}, {"type": ["generic"]}, [], "text", None, TRAINING):
        assert typed_data.find_problems(data) == {}


def test_metadata_takes_a_datetime_and_optional_fields():
    now = datetime(2025, 10, 18, 10, tzinfo=timezone.utc)
    metadata = MLMetadata(**{**METADATA, "started_at": now}, exit_code=0, stdout="ok", stderr="")
    assert metadata.started_at == "2025-10-18T10:00:00+00:00"
    assert metadata.model_dump()["exit_code"] == 0
    assert GenericMetadata(author="ana").author == "ana"


async def test_a_known_type_with_wrong_metadata_is_refused_on_save(address):
    async with records.connect(address) as manager:
        wrong = {**TRAINING, "metadata": {**METADATA, "status": "done"}}
        with pytest.raises(errors.InvalidData, match=r"ml_training_workspace.*metadata\.status") as refusal:
            await manager.save(ArtifactIn(data=wrong))
        assert list(refusal.value.problems) == ["metadata.status"]
        assert refusal.value.status == 400
        saved = await manager.save(ArtifactIn(data=TRAINING))
        with pytest.raises(errors.InvalidData):
            await manager.save(ArtifactIn(id=saved.id, data=wrong))
        assert (await manager.find_by_id(saved.id)).data == TRAINING
        assert saved.type == "ml_training_workspace"


# --- Hierarchies ------------------------------------------------------------------------------------------------------


def test_a_hierarchy_names_levels_and_never_changes():
    hierarchy = ArtifactHierarchy(name="pipeline", level_labels={1: "prediction", 0: "training"})
    assert hierarchy.label_for(0) == "training"
    assert hierarchy.label_for(7) == "level_7"
    assert hierarchy.describe(1) == {"hierarchy": "pipeline", "level_depth": 1, "level_label": "prediction"}
    assert list(hierarchy.level_labels) == [0, 1]
    with pytest.raises(ValidationError):
        hierarchy.name = "other"
    with pytest.raises(TypeError):
        hierarchy.level_labels[2] = "x"
    assert ArtifactHierarchy.model_validate_json(hierarchy.model_dump_json()) == hierarchy
    assert len({hierarchy, hierarchy.model_copy()}) == 1


@pytest.mark.parametrize("labels", [{-1: "a"}, {64: "a"}, {0: ""}, {"x": "a"}, {0: None}])
def test_labels_are_texts_of_levels_0_to_63(labels):
    with pytest.raises(ValidationError):
        ArtifactHierarchy(name="a", level_labels=labels)
    with pytest.raises(ValidationError):
        ArtifactHierarchy(name="")


async def test_the_hierarchy_is_stored_with_the_records(address, hierarchy):
    async with records.connect(address) as manager:
        assert manager.hierarchy is None
    async with records.connect(address, hierarchy=hierarchy) as manager:
        assert manager.hierarchy == hierarchy
    async with records.connect(address) as manager:
        assert manager.hierarchy == hierarchy
    longer = ArtifactHierarchy(name=hierarchy.name, level_labels={**hierarchy.level_labels, 3: "report"})
    async with records.connect(address, hierarchy=longer):
        pass
    async with records.connect(address, hierarchy=ArtifactHierarchy(name="of another program")):
        pass
    async with records.connect(address) as manager:
        assert manager.hierarchy == longer
