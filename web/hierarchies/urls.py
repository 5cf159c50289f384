"""URLs of the pages about hierarchies and their records."""

from django.urls import path

from web.converters import HIERARCHY, PROJECT, RECORD
from web.hierarchies.views import hierarchies, payloads, records, settings, tree

_SETTINGS = f"{HIERARCHY}/settings"
_RULE = f"{_SETTINGS}/retention/<uuid:rule_id>"
_ARCHIVE = f"{_SETTINGS}/archives/<uuid:archive_id>"
_INDEX = f"{_SETTINGS}/indexes/<uuid:index_id>"

urlpatterns = [
    path(f"{PROJECT}/records", hierarchies.hierarchy_list, name="project-records"),
    path(f"{PROJECT}/new-hierarchy", hierarchies.hierarchy_new, name="hierarchy-new"),
    path(HIERARCHY, tree.hierarchy_page, name="hierarchy"),
    path(f"{HIERARCHY}/branch", tree.branch, name="record-branch"),
    path(f"{HIERARCHY}/edit", hierarchies.hierarchy_edit, name="hierarchy-edit"),
    path(f"{HIERARCHY}/delete", hierarchies.hierarchy_delete, name="hierarchy-delete"),
    path(_SETTINGS, settings.settings_page, name="hierarchy-settings"),
    path(f"{_SETTINGS}/retention/preview", settings.retention_preview, name="hierarchy-retention"),
    path(f"{_SETTINGS}/retention/apply", settings.retention_apply, name="hierarchy-retention-apply"),
    path(f"{_SETTINGS}/retention/new", settings.rule_new, name="retention-rule-new"),
    path(f"{_RULE}/edit", settings.rule_edit, name="retention-rule-edit"),
    path(f"{_RULE}/delete", settings.rule_delete, name="retention-rule-delete"),
    path(f"{_ARCHIVE}/restore", settings.archive_restore, name="archive-restore"),
    path(f"{_ARCHIVE}/download", settings.archive_download, name="archive-download"),
    path(f"{_ARCHIVE}/delete", settings.archive_delete, name="archive-delete"),
    path(f"{_SETTINGS}/indexes/new", settings.index_new, name="index-new"),
    path(f"{_INDEX}/delete", settings.index_delete, name="index-delete"),
    path(f"{_INDEX}/retry", settings.index_retry, name="index-retry"),
    path(f"{HIERARCHY}/new-record", records.record_new, name="record-new"),
    path(RECORD, records.record_page, name="record"),
    path(f"{RECORD}/edit", records.record_edit, name="record-edit"),
    path(f"{RECORD}/move", records.record_move, name="record-move"),
    path(f"{RECORD}/delete", records.record_delete, name="record-delete"),
    path(f"{RECORD}/payload", payloads.payload_page, name="record-payload"),
]
