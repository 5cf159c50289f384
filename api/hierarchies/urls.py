"""URLs of hierarchies under /api/v1/."""

from django.urls import path

from api.hierarchies.views import data_indexes, hierarchies, retention

_HIERARCHY = "hierarchies/<uuid:hierarchy_id>"
_RETENTION, _INDEXES = f"{_HIERARCHY}/retention", f"{_HIERARCHY}/data-indexes"
_ARCHIVE = f"{_RETENTION}/archives/<uuid:archive_id>"

urlpatterns = [
    path("hierarchies", hierarchies.HierarchyList.as_view(), name="hierarchies"),
    path(_HIERARCHY, hierarchies.HierarchyDetail.as_view(), name="hierarchy"),
    path(f"{_HIERARCHY}/totals", data_indexes.HierarchyTotals.as_view(), name="hierarchy-totals"),
    path(_INDEXES, data_indexes.DataIndexList.as_view(), name="data-indexes"),
    path(f"{_INDEXES}/<uuid:index_id>", data_indexes.DataIndexDetail.as_view(), name="data-index"),
    path(f"{_INDEXES}/<uuid:index_id>/retry", data_indexes.DataIndexRetry.as_view(), name="data-index-retry"),
    path(_RETENTION, retention.RetentionRuleList.as_view(), name="retention-rules"),
    path(f"{_RETENTION}/preview", retention.RetentionPreview.as_view(), name="retention-preview"),
    path(f"{_RETENTION}/apply", retention.RetentionApply.as_view(), name="retention-apply"),
    path(f"{_RETENTION}/archives", retention.RecordArchiveList.as_view(), name="record-archives"),
    path(_ARCHIVE, retention.RecordArchiveDetail.as_view(), name="record-archive"),
    path(f"{_ARCHIVE}/restore", retention.RecordArchiveRestore.as_view(), name="record-archive-restore"),
    path(f"{_RETENTION}/<uuid:retention_rule_id>", retention.RetentionRuleDetail.as_view(), name="retention-rule"),
]
