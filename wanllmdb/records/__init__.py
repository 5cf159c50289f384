"""Trees of typed records, from async Python: `from wanllmdb.records import connect, ArtifactIn, ArtifactHierarchy`.

Needs `pip install "wanllmdb[records]"`. Each name is loaded when it is first used: who needs only the typed data loads
neither a database nor an HTTP client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wanllmdb.records import errors as errors
    from wanllmdb.records.connections import connect as connect
    from wanllmdb.records.errors import CorruptPayload as CorruptPayload
    from wanllmdb.records.errors import HasChildren as HasChildren
    from wanllmdb.records.errors import HierarchyNotFound as HierarchyNotFound
    from wanllmdb.records.errors import IdTaken as IdTaken
    from wanllmdb.records.errors import InvalidData as InvalidData
    from wanllmdb.records.errors import InvalidUlid as InvalidUlid
    from wanllmdb.records.errors import LevelRefused as LevelRefused
    from wanllmdb.records.errors import MoveRefused as MoveRefused
    from wanllmdb.records.errors import OperationDisabled as OperationDisabled
    from wanllmdb.records.errors import PackageMissing as PackageMissing
    from wanllmdb.records.errors import PayloadNotFound as PayloadNotFound
    from wanllmdb.records.errors import PickleRefused as PickleRefused
    from wanllmdb.records.errors import RecordNotFound as RecordNotFound
    from wanllmdb.records.frames import DataFrame as DataFrame
    from wanllmdb.records.frames import PandasDataFrame as PandasDataFrame
    from wanllmdb.records.hierarchy import ArtifactHierarchy as ArtifactHierarchy
    from wanllmdb.records.local_repository import ArtifactRepository as ArtifactRepository
    from wanllmdb.records.manager import ArtifactManager as ArtifactManager
    from wanllmdb.records.models import Artifact as Artifact
    from wanllmdb.records.remote_repository import RemoteRepository as RemoteRepository
    from wanllmdb.records.repository import Repository as Repository
    from wanllmdb.records.schemas import ArtifactIn as ArtifactIn
    from wanllmdb.records.schemas import ArtifactOut as ArtifactOut
    from wanllmdb.records.schemas import ArtifactTreeNode as ArtifactTreeNode
    from wanllmdb.records.typed_data import ArtifactData as ArtifactData
    from wanllmdb.records.typed_data import BaseArtifactData as BaseArtifactData
    from wanllmdb.records.typed_data import GenericArtifactData as GenericArtifactData
    from wanllmdb.records.typed_data import GenericMetadata as GenericMetadata
    from wanllmdb.records.typed_data import MLMetadata as MLMetadata
    from wanllmdb.records.typed_data import MLPredictionArtifactData as MLPredictionArtifactData
    from wanllmdb.records.typed_data import MLTrainingWorkspaceArtifactData as MLTrainingWorkspaceArtifactData
    from wanllmdb.records.typed_data import validate_artifact_data as validate_artifact_data

_NAMES_BY_MODULE = {
    "connections": "connect",
    "errors": "CorruptPayload HasChildren HierarchyNotFound IdTaken InvalidData "
    "InvalidUlid LevelRefused MoveRefused OperationDisabled PackageMissing PayloadNotFound "
    "PickleRefused RecordNotFound",
    "frames": "DataFrame PandasDataFrame",
    "hierarchy": "ArtifactHierarchy",
    "local_repository": "ArtifactRepository",
    "manager": "ArtifactManager",
    "models": "Artifact",
    "remote_repository": "RemoteRepository",
    "repository": "Repository",
    "schemas": "ArtifactIn ArtifactOut ArtifactTreeNode",
    "typed_data": "ArtifactData BaseArtifactData GenericArtifactData GenericMetadata MLMetadata "
    "MLPredictionArtifactData MLTrainingWorkspaceArtifactData validate_artifact_data",
}
_MODULE_OF = {
    name: f"wanllmdb.records.{module}" for module, names in _NAMES_BY_MODULE.items() for name in names.split()
}

# The packages of the extra `records`.
_EXTRA = ("aiosqlite", "pydantic", "sqlalchemy", "ulid")

__all__ = ["errors", *_MODULE_OF]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("wanllmdb.records.errors")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'wanllmdb.records' has no attribute {name!r}")
    try:
        module = import_module(_MODULE_OF[name])
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        message = f'Records need {package}, which is not installed: pip install "wanllmdb[records]"'
        raise import_module("wanllmdb.records.errors").PackageMissing(message) from error
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
