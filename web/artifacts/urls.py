"""Addresses of the pages about artifacts. Those that begin with a team come last: they match almost anything."""

from django.urls import path, register_converter

from web import home, search
from web.aliases.views import aliases, proposals, rules
from web.artifacts.views import artifact, artifacts, compare, files, live_updates, upload, versions
from web.converters import TEAM
from web.projects.views import projects, runs


class VersionConverter:
    """`v3`, so that a version is told from the tabs of its artifact."""

    regex = "v[1-9][0-9]{0,8}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(VersionConverter, "version")

_PROJECT = f"{TEAM}/<str:project>"
_ARTIFACT = f"{_PROJECT}/artifacts/<str:type>/<str:name>"
_VERSION = f"{_ARTIFACT}/<version:version>"
_ALIAS = f"{_ARTIFACT}/aliases/<str:alias>"
_PROPOSAL = f"{_ARTIFACT}/proposals/<uuid:proposal_id>"

urlpatterns = [
    path("", home.home, name="home"),
    path("search", search.search, name="search"),
    path("projects/new", projects.project_new, name="project-new"),
    path("artifacts", artifacts.artifact_list, name="artifacts"),
    path("artifacts/new", artifacts.artifact_new, name="artifact-new"),
    path("teams/<str:team>/rules", rules.team_rules, name="team-rules"),
    path("teams/<str:team>/rules/new", rules.team_rule_new, name="team-rule-new"),
    path("teams/<str:team>/rules/<uuid:rule_id>/edit", rules.edit, name="rule-edit"),
    path("teams/<str:team>/rules/<uuid:rule_id>/delete", rules.delete, name="rule-delete"),
    path(_PROJECT, projects.overview, name="project"),
    path(f"{_PROJECT}/rules", rules.project_rules, name="project-rules"),
    path(f"{_PROJECT}/rules/new", rules.project_rule_new, name="project-rule-new"),
    path(f"{_PROJECT}/members", projects.members, name="project-members"),
    path(f"{_PROJECT}/settings", projects.settings, name="project-settings"),
    path(f"{_PROJECT}/delete", projects.delete, name="project-delete"),
    path(f"{_PROJECT}/runs", runs.run_list, name="project-runs"),
    path(f"{_PROJECT}/runs/<str:name>", runs.run_page, name="run"),
    path(f"{_PROJECT}/artifacts", artifacts.project_artifacts, name="project-artifacts"),
    path(_ARTIFACT, artifact.overview, name="artifact"),
    path(f"{_ARTIFACT}/versions", artifact.versions, name="artifact-versions"),
    path(f"{_ARTIFACT}/aliases", artifact.aliases, name="artifact-aliases"),
    path(f"{_ARTIFACT}/aliases/swap", aliases.swap, name="alias-swap"),
    path(f"{_ARTIFACT}/add-alias", aliases.add, name="alias-add"),
    path(f"{_ALIAS}/history", aliases.history, name="alias-history"),
    path(f"{_ALIAS}/move", aliases.move, name="alias-move"),
    path(f"{_ALIAS}/rollback", aliases.rollback, name="alias-rollback"),
    path(f"{_ALIAS}/delete", aliases.delete, name="alias-delete"),
    path(f"{_PROPOSAL}/approve", proposals.approve, name="proposal-approve"),
    path(f"{_PROPOSAL}/reject", proposals.reject, name="proposal-reject"),
    path(f"{_PROPOSAL}/withdraw", proposals.withdraw, name="proposal-withdraw"),
    path(f"{_ARTIFACT}/rules/new", rules.artifact_rule_new, name="artifact-rule-new"),
    path(f"{_ARTIFACT}/live", live_updates.live, name="artifact-live"),
    path(f"{_ARTIFACT}/history", artifact.history, name="artifact-history"),
    path(f"{_ARTIFACT}/usage", artifact.usage, name="artifact-usage"),
    path(f"{_ARTIFACT}/edit", artifact.edit, name="artifact-edit"),
    path(f"{_ARTIFACT}/delete", artifact.delete, name="artifact-delete"),
    path(f"{_ARTIFACT}/compare", compare.compare, name="compare"),
    path(f"{_ARTIFACT}/compare/file", compare.compare_file, name="compare-file"),
    path(f"{_ARTIFACT}/upload", upload.upload, name="upload"),
    path(f"{_ARTIFACT}/upload/files", upload.draft_files, name="upload-files"),
    path(f"{_ARTIFACT}/upload/remove", upload.remove_file, name="upload-remove"),
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
