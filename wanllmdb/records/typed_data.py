"""Typed data of records: training runs, predictions and generic data, each with metadata of a known shape.

Pure pydantic: the library and the server check with the same classes, and neither needs pandas for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar, Union

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
)

from wanllmdb.records.placeholders import to_placeholders

DATAFRAME_CONTENT_TYPE = "application/vnd.chapkit.dataframe+json"
PICKLE_CONTENT_TYPE = "application/x-pickle"

_DATETIME: TypeAdapter[datetime] = TypeAdapter(datetime)
_STARTS_WITH_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _timestamp_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _require_timestamp(value: str) -> str:
    # pydantic takes a bare number for a datetime too; that is no ISO 8601.
    if not _STARTS_WITH_DATE.match(value):
        raise ValueError("must be a date and time in ISO 8601, such as 2025-10-18T10:00:00Z")
    _DATETIME.validate_python(value)
    return value


Timestamp = Annotated[str, BeforeValidator(_timestamp_text), AfterValidator(_require_timestamp)]
"""A date and time in ISO 8601, kept as the text that was given. A `datetime` becomes its ISO text."""


class MLMetadata(BaseModel):
    """Metadata of a training run or of predictions."""

    # Names that start with `model_` are fine.
    model_config = ConfigDict(protected_namespaces=(), allow_inf_nan=False)

    status: Literal["success", "failed"] = Field(description="Whether the job succeeded")
    config_id: str = Field(description="ID of the configuration that the job ran with")
    started_at: Timestamp = Field(description="When the job started, in ISO 8601")
    completed_at: Timestamp = Field(description="When the job ended, in ISO 8601")
    duration_seconds: float = Field(ge=0, description="Duration of the job in seconds")
    exit_code: int | None = Field(default=None, description="Exit code of the process, if there was one")
    stdout: str | None = Field(default=None, description="Standard output of the process")
    stderr: str | None = Field(default=None, description="Standard error of the process")


class GenericMetadata(BaseModel):
    """Metadata of any shape: every field is kept."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


MetadataT = TypeVar("MetadataT", bound=BaseModel)


class BaseArtifactData(BaseModel, Generic[MetadataT]):
    """What all typed data has: metadata as JSON, and content, which may be any Python object."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Name of the type")
    metadata: MetadataT = Field(description="Metadata of the type's own shape")
    content: Annotated[Any, PlainSerializer(to_placeholders, when_used="json-unless-none")] = Field(
        description="JSON, or a Python object such as a model or a data frame, which is a placeholder in JSON"
    )
    content_type: str | None = Field(default=None, description="Media type of the content, used by downloads")
    content_size: int | None = Field(default=None, ge=0, description="Size of the content in bytes")


class MLTrainingWorkspaceArtifactData(BaseArtifactData[MLMetadata]):
    """A trained model and the run that trained it."""

    type: Literal["ml_training_workspace"] = "ml_training_workspace"
    metadata: MLMetadata


class MLPredictionArtifactData(BaseArtifactData[MLMetadata]):
    """Predictions and the run that made them."""

    type: Literal["ml_prediction"] = "ml_prediction"
    metadata: MLMetadata


class GenericArtifactData(BaseArtifactData[GenericMetadata]):
    """Any content with any metadata."""

    type: Literal["generic"] = "generic"
    metadata: GenericMetadata


ArtifactData = Annotated[
    Union[MLTrainingWorkspaceArtifactData, MLPredictionArtifactData, GenericArtifactData],  # noqa: UP007
    Field(discriminator="type"),
]
"""Any of the three, told apart by `type`."""

SCHEMAS: dict[str, type[BaseArtifactData[Any]]] = {
    "ml_training_workspace": MLTrainingWorkspaceArtifactData,
    "ml_prediction": MLPredictionArtifactData,
    "generic": GenericArtifactData,
}
"""The class of each known `type`."""


def validate_artifact_data(data: Mapping[str, Any]) -> BaseArtifactData[Any]:
    """The data as an instance of its type's class; data without a type is generic.

    Python objects in the content stay the objects they are. Raises pydantic's `ValidationError`, which is a
    `ValueError`, also for a type that is none of the three.
    """
    # A type that is no text, or none of the three, is refused by the generic class.
    name = data.get("type", "generic") if isinstance(data, Mapping) else "generic"
    schema = SCHEMAS.get(name, GenericArtifactData) if isinstance(name, str) else GenericArtifactData
    return schema.model_validate(data)


def find_problems(data: Any) -> dict[str, str]:
    """What is wrong with a record's data as typed data: a sentence by field, such as `metadata.status`.

    Empty for valid data, and for data whose `type` is missing or none of the known ones: such data is free.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("type"), str) or data["type"] not in SCHEMAS:
        return {}
    try:
        validate_artifact_data(data)
    except ValidationError as error:
        # Neither the values, which may be secret or huge, nor pydantic's links.
        details = error.errors(include_url=False, include_context=False, include_input=False)
        return {".".join(map(str, detail["loc"])) or "data": detail["msg"] for detail in details}
    return {}
