"""Addresses of the registry under /api/v1."""

from django.urls import path

from api.aliases.views.aliases import (
    AliasDetail,
    AliasesSwap,
    AliasList,
    AliasRollback,
    AliasSuggestions,
)
from api.aliases.views.history import AliasesHistory, AliasHistory
from api.aliases.views.proposals import (
    ProposalApprove,
    ProposalDetail,
    ProposalList,
    ProposalReject,
    ProposalWithdraw,
)
from api.aliases.views.rules import RuleDetail, RuleList
from api.artifacts.views.artifacts import ArtifactDetail, ArtifactList, Resolve
from api.artifacts.views.files import (
    DownloadUrl,
    FileBatch,
    FileContent,
    FileDetail,
    FileList,
    UploadUrl,
)
from api.artifacts.views.run_artifacts import RunArtifacts, RunUseArtifact
from api.artifacts.views.versions import (
    VersionDetail,
    VersionFinalize,
    VersionList,
    VersionManifest,
    VersionUploads,
    VersionUsedBy,
)

_ALIASES = "artifacts/<uuid:artifact_id>/aliases"
_PROPOSAL = "alias-proposals/<uuid:proposal_id>"

urlpatterns = [
    path("artifacts", ArtifactList.as_view(), name="artifact-list"),
    path("artifacts/resolve", Resolve.as_view(), name="resolve"),
    path("artifacts/versions/<uuid:version_id>", VersionDetail.as_view(), name="version-detail"),
    path("artifacts/versions/<uuid:version_id>/finalize", VersionFinalize.as_view(), name="version-finalize"),
    path("artifacts/versions/<uuid:version_id>/uploads", VersionUploads.as_view(), name="version-uploads"),
    path("artifacts/versions/<uuid:version_id>/manifest", VersionManifest.as_view(), name="version-manifest"),
    path("artifacts/versions/<uuid:version_id>/used-by", VersionUsedBy.as_view(), name="version-used-by"),
    path("artifacts/versions/<uuid:version_id>/files", FileList.as_view(), name="file-list"),
    path("artifacts/versions/<uuid:version_id>/files/batch", FileBatch.as_view(), name="file-batch"),
    path("artifacts/versions/<uuid:version_id>/files/upload-url", UploadUrl.as_view(), name="upload-url"),
    path("artifacts/files/<uuid:file_id>", FileDetail.as_view(), name="file-detail"),
    path("artifacts/files/<uuid:file_id>/download-url", DownloadUrl.as_view(), name="download-url"),
    path("artifacts/files/<uuid:file_id>/content", FileContent.as_view(), name="file-content"),
    path("artifacts/<uuid:artifact_id>", ArtifactDetail.as_view(), name="artifact-detail"),
    path("artifacts/<uuid:artifact_id>/versions", VersionList.as_view(), name="version-list"),
    path(_ALIASES, AliasList.as_view(), name="alias-list"),
    path(f"{_ALIASES}/history", AliasesHistory.as_view(), name="aliases-history"),
    path(f"{_ALIASES}/suggestions", AliasSuggestions.as_view(), name="aliases-suggestions"),
    path(f"{_ALIASES}/swap", AliasesSwap.as_view(), name="aliases-swap"),
    path(f"{_ALIASES}/<str:alias>", AliasDetail.as_view(), name="alias-detail"),
    path(f"{_ALIASES}/<str:alias>/history", AliasHistory.as_view(), name="aliases-history-of-one"),
    path(f"{_ALIASES}/<str:alias>/rollback", AliasRollback.as_view(), name="aliases-rollback"),
    path("artifacts/<uuid:artifact_id>/alias-proposals", ProposalList.as_view(), name="proposal-list"),
    path(_PROPOSAL, ProposalDetail.as_view(), name="proposal-detail"),
    path(f"{_PROPOSAL}/approve", ProposalApprove.as_view(), name="proposals-approve"),
    path(f"{_PROPOSAL}/reject", ProposalReject.as_view(), name="proposals-reject"),
    path(f"{_PROPOSAL}/withdraw", ProposalWithdraw.as_view(), name="proposals-withdraw"),
    path("alias-rules", RuleList.as_view(), name="rule-list"),
    path("alias-rules/<uuid:rule_id>", RuleDetail.as_view(), name="rule-detail"),
    path("artifacts/runs/<uuid:run_id>/use-artifact", RunUseArtifact.as_view(), name="artifact-run-use"),
    path("runs/<uuid:run_id>/use-artifact", RunUseArtifact.as_view(), name="run-use-artifact"),
    path("runs/<uuid:run_id>/artifacts", RunArtifacts.as_view(), name="run-artifacts"),
]
