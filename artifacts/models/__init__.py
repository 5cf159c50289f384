"""The nouns of the registry, one a file."""

from artifacts.models.alias import AliasChange, ArtifactAlias
from artifacts.models.artifact import Artifact, ArtifactTag
from artifacts.models.blob import Blob
from artifacts.models.client_id import ClientId
from artifacts.models.download import ArtifactDownload
from artifacts.models.extent import Extent
from artifacts.models.external_store import ExternalStore, ReadsAs
from artifacts.models.file import ArtifactFile
from artifacts.models.folder import FolderSummary
from artifacts.models.hold import BlobHold, VersionHold
from artifacts.models.manifest_upload import ManifestUpload
from artifacts.models.output import RunOutput
from artifacts.models.pending_deletion import PendingDeletion
from artifacts.models.proposal import AliasProposal
from artifacts.models.reconciliation import Reconciliation
from artifacts.models.reference_check import ReferenceCheck
from artifacts.models.reference_state import ReferenceState
from artifacts.models.rule import AliasRule
from artifacts.models.search import SearchDocument, SearchValue
from artifacts.models.source import VersionSource
from artifacts.models.stored_object import StoredObject
from artifacts.models.usage import ArtifactUsage
from artifacts.models.version import ArtifactVersion
from artifacts.models.version_tag import VersionTag
from artifacts.models.worker_heartbeat import WorkerHeartbeat

__all__ = [
    "AliasChange",
    "AliasProposal",
    "AliasRule",
    "Artifact",
    "ArtifactAlias",
    "ArtifactDownload",
    "ArtifactFile",
    "ArtifactTag",
    "ArtifactUsage",
    "ArtifactVersion",
    "Blob",
    "BlobHold",
    "ClientId",
    "Extent",
    "ExternalStore",
    "FolderSummary",
    "ManifestUpload",
    "PendingDeletion",
    "ReadsAs",
    "Reconciliation",
    "ReferenceCheck",
    "ReferenceState",
    "RunOutput",
    "SearchDocument",
    "SearchValue",
    "StoredObject",
    "VersionHold",
    "VersionSource",
    "VersionTag",
    "WorkerHeartbeat",
]
