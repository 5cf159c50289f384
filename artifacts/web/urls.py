"""Addresses of the pages about artifacts. Those that begin with a team come last: they match almost anything."""

from django.urls import path, register_converter

from accounts.web.converters import OwnerConverter
from artifacts.web.views import artifacts, comparing, detail, files, home, projects, runs, search, uploads, versions


class VersionConverter:
    """`v3`, so that a version is told from the tabs of its artifact."""

    regex = "v[1-9][0-9]{0,8}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(VersionConverter, "version")
register_converter(OwnerConverter, "owner")

_PROJECT = "<owner:team>/<str:project>"
_ARTIFACT = f"{_PROJECT}/artifacts/<str:type>/<str:name>"
_VERSION = f"{_ARTIFACT}/<version:version>"

urlpatterns = [
    path("", home.home, name="home"),
    path("search", search.search, name="search"),
    path("projects/new", projects.project_new, name="project-new"),
    path("artifacts", artifacts.artifact_list, name="artifacts"),
    path("artifacts/new", artifacts.artifact_new, name="artifact-new"),
    path(_PROJECT, projects.overview, name="project"),
    path(f"{_PROJECT}/members", projects.members, name="project-members"),
    path(f"{_PROJECT}/settings", projects.settings, name="project-settings"),
    path(f"{_PROJECT}/delete", projects.delete, name="project-delete"),
    path(f"{_PROJECT}/runs", runs.run_list, name="project-runs"),
    path(f"{_PROJECT}/runs/<str:name>", runs.run_page, name="run"),
    path(f"{_PROJECT}/artifacts", artifacts.project_artifacts, name="project-artifacts"),
    path(_ARTIFACT, detail.overview, name="artifact"),
    path(f"{_ARTIFACT}/versions", detail.versions, name="artifact-versions"),
    path(f"{_ARTIFACT}/aliases", detail.aliases, name="artifact-aliases"),
    path(f"{_ARTIFACT}/history", detail.history, name="artifact-history"),
    path(f"{_ARTIFACT}/usage", detail.usage, name="artifact-usage"),
    path(f"{_ARTIFACT}/edit", detail.edit, name="artifact-edit"),
    path(f"{_ARTIFACT}/delete", detail.delete, name="artifact-delete"),
    path(f"{_ARTIFACT}/compare", comparing.compare, name="compare"),
    path(f"{_ARTIFACT}/compare/file", comparing.compare_file, name="compare-file"),
    path(f"{_ARTIFACT}/upload", uploads.upload, name="upload"),
    path(f"{_ARTIFACT}/upload/files", uploads.draft_files, name="upload-files"),
    path(f"{_ARTIFACT}/upload/remove", uploads.remove_file, name="upload-remove"),
    path(_VERSION, versions.version_page, name="version"),
    path(f"{_VERSION}.zip", files.version_zip, name="version-zip"),
    path(f"{_VERSION}/integrity", versions.version_integrity, name="version-integrity"),
    path(f"{_VERSION}/edit", versions.edit, name="version-edit"),
    path(f"{_VERSION}/finalize", versions.finalize, name="version-finalize"),
    path(f"{_VERSION}/delete", versions.delete, name="version-delete"),
    path(f"{_VERSION}/files", versions.version_files, name="version-files"),
    path(f"{_VERSION}/files/<path:path>", files.file_page, name="file-page"),
    path(f"{_VERSION}/facts/<path:path>", files.file_facts, name="file-facts"),
    path(f"{_VERSION}/download/<path:path>", files.file_download, name="file-download"),
    path(f"{_VERSION}/image/<path:path>", files.file_image, name="file-image"),
]
