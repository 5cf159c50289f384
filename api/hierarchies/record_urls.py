"""URLs of the API that each hierarchy has of its own, under /h/{team}/{project}/{hierarchy}/."""

from django.urls import path

from api.hierarchies.views import content, records, services, transfers, trees

_BASE = "<str:team>/<str:project>/<str:hierarchy>"
_ARTIFACTS = f"{_BASE}/api/v1/artifacts"
_RECORD = f"{_ARTIFACTS}/<str:record_id>"

urlpatterns = [
    path(f"{_BASE}/health", services.Health.as_view(), name="hierarchy-health"),
    path(f"{_BASE}/api/v1/info", services.Info.as_view(), name="hierarchy-info"),
    path(_ARTIFACTS, records.RecordList.as_view(), name="record-list"),
    path(f"{_ARTIFACTS}/$schema", services.RecordSchema.as_view(), name="record-schema"),
    path(f"{_ARTIFACTS}/$tree", trees.TreeSearch.as_view(), name="record-tree-search"),
    path(f"{_ARTIFACTS}/$expand", trees.ExpandSearch.as_view(), name="record-expand-search"),
    path(f"{_ARTIFACTS}/$batch", transfers.RecordBatchCreate.as_view(), name="record-batch"),
    path(f"{_ARTIFACTS}/$delete", transfers.RecordBatchDelete.as_view(), name="record-delete-many"),
    path(f"{_ARTIFACTS}/$payloads", content.PayloadUploads.as_view(), name="record-payloads"),
    path(f"{_ARTIFACTS}/$import", transfers.RecordImport.as_view(), name="record-import"),
    path(f"{_ARTIFACTS}/$export", transfers.RecordExport.as_view(), name="record-export"),
    path(_RECORD, records.RecordDetail.as_view(), name="record"),
    path(f"{_RECORD}/$tree", trees.RecordTree.as_view(), name="record-tree"),
    path(f"{_RECORD}/$expand", trees.RecordExpand.as_view(), name="record-expand"),
    path(f"{_RECORD}/$metadata", content.RecordMetadata.as_view(), name="record-metadata"),
    path(f"{_RECORD}/$download", content.RecordDownload.as_view(), name="record-download"),
]
