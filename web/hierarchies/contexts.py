"""What pages of hierarchies show around their own subject, and tables of records."""

from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from accounts import permissions
from hierarchies.models import Hierarchy, Operation, Record
from web import rendering, tables
from web.hierarchies import rows

PAGE_SIZE = 50
_COLUMNS = (
    ("", "Record", ""),
    ("level", "Level", "tight"),
    ("type", "Type", "medium"),
    ("", "Tags", "wide"),
    ("", "Below", "number tight medium"),
    ("created", "Created", "number tight"),
)
# Those with an index. Ids grow with time, but for those that were chosen elsewhere.
_ORDERINGS = {"level": "level", "type": "type", "created": "created_at"}


def hierarchy_context(hierarchy: Hierarchy) -> dict[str, Any]:
    """The hierarchy of `get_hierarchy`, its project, and what the reader may do in it: nothing that is switched off."""
    flags = permissions.template_flags(hierarchy.role)
    may_edit = flags["may_edit"]
    return flags | {
        "hierarchy": hierarchy,
        "project": hierarchy.project,
        "is_project_visible": hierarchy.is_project_visible,
        "may_create": may_edit and hierarchy.is_on(Operation.CREATE),
        "may_update": may_edit and hierarchy.is_on(Operation.UPDATE),
        "may_delete": may_edit and hierarchy.is_on(Operation.DELETE),
        "may_download": hierarchy.is_on(Operation.DOWNLOAD),
        "active_nav": "home",
    }


def record_table(query: QueryDict, hierarchy: Hierarchy, records: QuerySet[Record]) -> dict[str, Any]:
    """A page of these records of the hierarchy, in the order that the query string asks for."""
    view = tables.chosen(query, (), _ORDERINGS, "-created")
    page = rendering.paginate(query, tables.sort(records, view, _ORDERINGS), PAGE_SIZE)
    page.object_list = rows.prepare_nodes(page.object_list, hierarchy)
    return {"page": page, "sort": view.sort, "columns": _COLUMNS}
