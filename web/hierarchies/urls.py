"""URLs of the pages about hierarchies and their records."""

from django.urls import path

from web.converters import HIERARCHY, PROJECT, RECORD
from web.hierarchies.views import hierarchies, payloads, records, tree

urlpatterns = [
    path(f"{PROJECT}/records", hierarchies.hierarchy_list, name="project-records"),
    path(f"{PROJECT}/new-hierarchy", hierarchies.hierarchy_new, name="hierarchy-new"),
    path(HIERARCHY, tree.hierarchy_page, name="hierarchy"),
    path(f"{HIERARCHY}/branch", tree.branch, name="record-branch"),
    path(f"{HIERARCHY}/edit", hierarchies.hierarchy_edit, name="hierarchy-edit"),
    path(f"{HIERARCHY}/delete", hierarchies.hierarchy_delete, name="hierarchy-delete"),
    path(f"{HIERARCHY}/new-record", records.record_new, name="record-new"),
    path(RECORD, records.record_page, name="record"),
    path(f"{RECORD}/edit", records.record_edit, name="record-edit"),
    path(f"{RECORD}/move", records.record_move, name="record-move"),
    path(f"{RECORD}/delete", records.record_delete, name="record-delete"),
    path(f"{RECORD}/payload", payloads.payload_page, name="record-payload"),
]
