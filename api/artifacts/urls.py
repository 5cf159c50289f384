"""URLs of artifacts, versions and files under /api/v1/."""

from django.urls import path

from api.artifacts.views.artifacts import ArtifactDetail, ArtifactList, ArtifactStorage, Resolve
from api.artifacts.views.comparisons import VersionCompare
from api.artifacts.views.files import (
    DownloadUrl,
    FileBatch,
    FileContent,
    FileDetail,
    FileList,
    FileReference,
    UploadUrl,
)
from api.artifacts.views.links import VersionLinks
from api.artifacts.views.run_artifacts import RunArtifacts, RunUseArtifact
from api.artifacts.views.versions import (
    VersionDetail,
    VersionFinalize,
    VersionList,
    VersionManifest,
    VersionUploads,
    VersionUsedBy,
)

urlpatterns = [
    path("artifacts", ArtifactList.as_view(), name="artifact-list"),
    path("artifacts/resolve", Resolve.as_view(), name="resolve"),
    path("artifacts/versions/<uuid:version_id>", VersionDetail.as_view(), name="version-detail"),
    path("artifacts/versions/<uuid:version_id>/finalize", VersionFinalize.as_view(), name="version-finalize"),
    path("artifacts/versions/<uuid:version_id>/uploads", VersionUploads.as_view(), name="version-uploads"),
    path("artifacts/versions/<uuid:version_id>/manifest", VersionManifest.as_view(), name="version-manifest"),
    path("artifacts/versions/<uuid:version_id>/compare", VersionCompare.as_view(), name="version-compare"),
    path("artifacts/versions/<uuid:version_id>/used-by", VersionUsedBy.as_view(), name="version-used-by"),
    path("artifacts/versions/<uuid:version_id>/links", VersionLinks.as_view(), name="version-links"),
    path("artifacts/versions/<uuid:version_id>/files", FileList.as_view(), name="file-list"),
    path("artifacts/versions/<uuid:version_id>/files/batch", FileBatch.as_view(), name="file-batch"),
    path("artifacts/versions/<uuid:version_id>/files/reference", FileReference.as_view(), name="file-reference"),
    path("artifacts/versions/<uuid:version_id>/files/upload-url", UploadUrl.as_view(), name="upload-url"),
    path("artifacts/files/<uuid:file_id>", FileDetail.as_view(), name="file-detail"),
    path("artifacts/files/<uuid:file_id>/download-url", DownloadUrl.as_view(), name="download-url"),
    path("artifacts/files/<uuid:file_id>/content", FileContent.as_view(), name="file-content"),
    path("artifacts/<uuid:artifact_id>", ArtifactDetail.as_view(), name="artifact-detail"),
    path("artifacts/<uuid:artifact_id>/storage", ArtifactStorage.as_view(), name="artifact-storage"),
    path("artifacts/<uuid:artifact_id>/versions", VersionList.as_view(), name="version-list"),
    path("artifacts/runs/<uuid:run_id>/use-artifact", RunUseArtifact.as_view(), name="artifact-run-use"),
    path("runs/<uuid:run_id>/use-artifact", RunUseArtifact.as_view(), name="run-use-artifact"),
    path("runs/<uuid:run_id>/artifacts", RunArtifacts.as_view(), name="run-artifacts"),
]
