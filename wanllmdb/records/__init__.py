"""Trees of typed records, from async Python: `from wanllmdb.records import connect, ArtifactIn, ArtifactHierarchy`.

Needs `pip install "wanllmdb[records]"`. Each name is loaded when it is first used: who needs only the typed data loads
neither a database nor an HTTP client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wanllmdb.records.hierarchy import ArtifactHierarchy as ArtifactHierarchy
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
    "hierarchy": "ArtifactHierarchy",
    "schemas": "ArtifactIn ArtifactOut ArtifactTreeNode",
    "typed_data": "ArtifactData BaseArtifactData GenericArtifactData GenericMetadata MLMetadata "
    "MLPredictionArtifactData MLTrainingWorkspaceArtifactData validate_artifact_data",
}
_MODULE_OF = {
    name: f"wanllmdb.records.{module}" for module, names in _NAMES_BY_MODULE.items() for name in names.split()
}

__all__ = ["errors", *_MODULE_OF]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("wanllmdb.records.errors")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'wanllmdb.records' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
