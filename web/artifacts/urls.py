"""URLs of the pages about artifacts, their versions and files."""

from django.urls import path

from web.artifacts.views import artifact, artifacts, compare, files, references, selected, upload, versions
from web.converters import ARTIFACT, PROJECT, VERSION

urlpatterns = [
    path("artifacts", artifacts.artifact_list, name="artifacts"),
    path("artifacts/selected/delete", selected.delete_artifacts, name="artifacts-delete"),
    path("artifacts/selected/tag", selected.tag_artifacts, name="artifacts-tag"),
    path("artifacts/selected/download", selected.download_artifacts, name="artifacts-download"),
    path("artifacts/new", artifacts.artifact_new, name="artifact-new"),
    path(f"{PROJECT}/artifacts", artifacts.project_artifacts, name="project-artifacts"),
    path(ARTIFACT, artifact.overview, name="artifact"),
    path(f"{ARTIFACT}/versions", artifact.versions, name="artifact-versions"),
    path(f"{ARTIFACT}/switch", versions.version_switch, name="version-switch"),
    path(f"{ARTIFACT}/versions/compare", selected.compare_versions, name="versions-compare"),
    path(f"{ARTIFACT}/versions/delete", selected.delete_versions, name="versions-delete"),
    path(f"{ARTIFACT}/versions/download", selected.download_versions, name="versions-download"),
    path(f"{ARTIFACT}/versions/columns", artifact.version_columns, name="version-columns"),
    path(f"{ARTIFACT}/history", artifact.history, name="artifact-history"),
    path(f"{ARTIFACT}/usage", artifact.usage, name="artifact-usage"),
    path(f"{ARTIFACT}/edit", artifact.edit, name="artifact-edit"),
    path(f"{ARTIFACT}/delete", artifact.delete, name="artifact-delete"),
    path(f"{ARTIFACT}/compare", compare.compare, name="compare"),
    path(f"{ARTIFACT}/compare/file", compare.compare_file, name="compare-file"),
    path(f"{ARTIFACT}/upload", upload.upload, name="upload"),
    path(f"{ARTIFACT}/upload/files", upload.show_draft_files, name="upload-files"),
    path(f"{ARTIFACT}/upload/references", references.add, name="upload-references"),
    path(f"{ARTIFACT}/upload/remove", upload.remove_file, name="upload-remove"),
    path(VERSION, versions.version_page, name="version"),
    path(f"{VERSION}.zip", files.version_zip, name="version-zip"),
    path(f"{VERSION}/selection.zip", files.selection_zip, name="selection-zip"),
    path(f"{VERSION}/integrity", versions.version_integrity, name="version-integrity"),
    path(f"{VERSION}/check", references.check, name="version-check"),
    path(f"{VERSION}/drift", references.drift_state, name="version-drift"),
    path(f"{VERSION}/edit", versions.edit, name="version-edit"),
    path(f"{VERSION}/finalize", versions.finalize, name="version-finalize"),
    path(f"{VERSION}/delete", versions.delete, name="version-delete"),
    path(f"{VERSION}/files", versions.version_files, name="version-files"),
    path(f"{VERSION}/files/<path:path>", files.file_page, name="file-page"),
    path(f"{VERSION}/facts/<path:path>", files.file_facts, name="file-facts"),
    path(f"{VERSION}/download/<path:path>", files.file_download, name="file-download"),
    path(f"{VERSION}/image/<path:path>", files.file_image, name="file-image"),
    path(f"{VERSION}/raw/<path:path>", files.file_raw, name="file-raw"),
]
