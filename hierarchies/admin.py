"""Django admin of hierarchies. Changes go through the same verbs as everywhere.

A hierarchy may have a million records: their list is in the order of the newest ids, counts no further than ten
thousand, and is filtered by level within one hierarchy, for which there is an index.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from accounts.actor import Actor
from accounts.admin import ReadOnlyAdmin, VerbAdmin
from core.bounded_paginator import BoundedPaginator
from hierarchies import data_indexes, errors, hierarchies, records, retention_rules, ulids
from hierarchies.models import (
    MAX_LEVEL,
    DataIndex,
    Hierarchy,
    Record,
    RecordArchive,
    RecordPayload,
    RetentionRule,
)

_MAX_PAYLOADS = 20
_HIERARCHY = "hierarchy__id__exact"


class FlatAdmin(VerbAdmin):
    """A list that costs the same however many rows there are."""

    paginator = BoundedPaginator
    show_full_result_count = False
    sortable_by = ()


@admin.register(Hierarchy)
class HierarchyAdmin(VerbAdmin):
    list_display = ("full_name", "record_count", "access", "enforce_levels", "created_by", "updated_at")
    list_filter = ("access", "enforce_levels", "updated_at")
    list_select_related = ("project__team", "created_by")
    search_fields = ("name", "project__name", "project__team__name")
    fields = (
        "id", "project", "name", "description", "level_labels", "enforce_levels", "access", "permissions",
        "record_count", "levels", "created_by", "created_at", "updated_at",
    )  # fmt: skip
    readonly_fields = ("id", "project", "record_count", "levels", "created_by", "created_at", "updated_at")
    paginator = BoundedPaginator
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="records by level")
    def levels(self, hierarchy: Hierarchy) -> str:
        """Links to the records of each level that has some: one look into the index of levels for each."""
        url = reverse("admin:hierarchies_record_changelist")
        used = [level for level in range(MAX_LEVEL + 1) if hierarchy.records.filter(level=level).exists()]
        query = {_HIERARCHY: hierarchy.pk}
        rows = [(url, urlencode(query | {"level": level}), hierarchy.label_of(level)) for level in used]
        return format_html_join(", ", '<a href="{}?{}">{}</a>', rows) if rows else "-"

    def save_model(self, request: HttpRequest, obj: Hierarchy, form: ModelForm, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        hierarchies.update(Actor.from_admin(request), Hierarchy.objects.for_display().get(pk=obj.pk), **changes)

    def delete_model(self, request: HttpRequest, obj: Hierarchy) -> None:
        hierarchies.delete(Actor.from_admin(request), obj)


class LevelFilter(admin.SimpleListFilter):
    """There once a hierarchy is chosen, whose levels are in an index."""

    title = "level"
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        hierarchy = _chosen_hierarchy(request)
        if hierarchy is None:
            return []
        levels = {level for level in range(MAX_LEVEL + 1) if hierarchy.records.filter(level=level).exists()}
        return [(str(level), f"{level} ({hierarchy.label_of(level)})") for level in sorted(levels)]

    def queryset(self, request: HttpRequest, rows: QuerySet[Record]) -> QuerySet[Record]:
        value = self.value()
        if not value:
            return rows
        if not (value.isascii() and value.isdecimal() and int(value[:3]) <= MAX_LEVEL):
            return rows.none()
        return rows.filter(level=int(value))


class HierarchyFilter(admin.SimpleListFilter):
    """The hierarchy that a link chose: a list of all of them would have no end."""

    title = "hierarchy"
    parameter_name = _HIERARCHY

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        chosen, hierarchy = request.GET.get(_HIERARCHY), _chosen_hierarchy(request)
        return [(chosen, hierarchy.full_name if hierarchy else "unknown")] if chosen else []

    def queryset(self, request: HttpRequest, rows: QuerySet[Record]) -> QuerySet[Record]:
        if not self.value():
            return rows
        hierarchy = _chosen_hierarchy(request)
        return rows.filter(hierarchy=hierarchy) if hierarchy else rows.none()


@admin.register(Record)
class RecordAdmin(FlatAdmin):
    list_display = ("id", "hierarchy_name", "level_label", "type", "size", "created_by", "created_at")
    list_filter = (HierarchyFilter, LevelFilter)
    list_select_related = ("hierarchy__project__team", "created_by")
    # By `get_search_results`.
    search_fields = ("id",)
    search_help_text = "The id of a record or how it begins, or a hierarchy as team/project/name"
    ordering = ("-id",)
    fields = (
        "id", "hierarchy", "parent", "level_label", "children", "type", "data", "size", "payloads", "tags",
        "created_by", "created_at", "updated_at",
    )  # fmt: skip
    readonly_fields = (
        "id", "hierarchy", "level_label", "children", "type", "size", "payloads", "created_by", "created_at",
        "updated_at",
    )  # fmt: skip
    raw_id_fields = ("parent",)
    actions = ("delete_subtrees",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup in ("parent__id__exact", "parent__isnull") or super().lookup_allowed(lookup, value, request)

    def get_readonly_fields(self, request: HttpRequest, obj: Record | None = None) -> tuple[str, ...]:
        """The whole of long data is in the object store: what the row has of it is not edited."""
        return (*self.readonly_fields, "data") if obj and obj.has_stored_data else self.readonly_fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Record], search_term: str
    ) -> tuple[QuerySet[Record], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.count("/") == 2:
            team, project, name = term.split("/")
            found = Hierarchy.objects.filter(project__team__name=team, project__name=project, name=name)
            return queryset.filter(hierarchy__in=list(found.values_list("pk", flat=True))), False
        # Ids are sorted by their bytes, so what begins so is a range of the index.
        start = term.upper()[: ulids.LENGTH]
        return queryset.filter(pk__gte=start, pk__lt=f"{start}~"), False

    @admin.display(description="hierarchy")
    def hierarchy_name(self, record: Record) -> str:
        return record.hierarchy.full_name

    @admin.display(description="level")
    def level_label(self, record: Record) -> str:
        return f"{record.level} ({record.hierarchy.label_of(record.level)})"

    @admin.display(description="data")
    def size(self, record: Record) -> str:
        return filesizeformat(record.data_size)

    @admin.display
    def children(self, record: Record) -> str:
        if not Record.objects.filter(hierarchy=record.hierarchy_id, parent=record).exists():
            return "-"
        query = urlencode({_HIERARCHY: record.hierarchy_id, "parent__id__exact": record.pk})
        url = reverse("admin:hierarchies_record_changelist")
        return format_html('<a href="{}?{}">Records below it</a>', url, query)

    @admin.display
    def payloads(self, record: Record) -> str:
        found = list(RecordPayload.objects.filter(record=record).order_by("pointer")[: _MAX_PAYLOADS + 1])
        lines = [
            (row.pointer or "whole data", row.get_kind_display(), row.content_type, filesizeformat(row.size))
            for row in found[:_MAX_PAYLOADS]
        ]
        more = "" if len(found) <= _MAX_PAYLOADS else "and more"
        return format_html("{} {}", format_html_join("", "{} – {}, {}, {}<br>", lines), more) if lines else "-"

    def save_form(self, request: HttpRequest, form: ModelForm, change: bool) -> Record:
        """The form has changed its own copy, the verbs change the row."""
        form.save(commit=False)
        actor = Actor.from_admin(request)
        row = Record.objects.select_related("hierarchy__project__team").get(pk=form.instance.pk)
        if "parent" in form.changed_data:
            parent = form.cleaned_data["parent"]
            row = records.move(actor, row, parent.pk if parent else None)
        if changes := {name: form.cleaned_data[name] for name in ("data", "tags") if name in form.changed_data}:
            row = records.update(actor, row, **changes)
        return row

    def save_model(self, request: HttpRequest, obj: Record, form: ModelForm, change: bool) -> None:
        """Saved by `save_form` already."""

    def delete_model(self, request: HttpRequest, obj: Record) -> None:
        records.delete(Actor.from_admin(request), obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Record]) -> None:
        """Children before their parents, where both are selected."""
        for record in queryset.select_related("hierarchy__project__team").order_by("-level", "pk"):
            records.delete(Actor.from_admin(request), record)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("hierarchies.delete_record")

    @admin.action(description="Delete selected records with all below them", permissions=["operate"])
    def delete_subtrees(self, request: HttpRequest, queryset: QuerySet[Record]) -> None:
        count = 0
        for record in queryset.select_related("hierarchy__project__team").order_by("level", "pk"):
            try:
                count += records.delete_subtree(Actor.from_admin(request), record)
            except errors.RecordNotFound:
                # It went with one above it that was selected too.
                continue
        self.message_user(request, f"Deleted {count:,} record{'' if count == 1 else 's'}.", messages.SUCCESS)


@admin.register(RetentionRule)
class RetentionRuleAdmin(VerbAdmin):
    list_display = ("hierarchy_name", "level", "keep_last", "older_than_days", "archive", "applied_at")
    list_filter = ("archive", "applied_at")
    list_select_related = ("hierarchy__project__team",)
    search_fields = ("hierarchy__name", "hierarchy__project__name")
    fields = ("hierarchy", "level", "keep_last", "older_than_days", "archive", "created_by", "created_at", "applied_at")
    readonly_fields = ("created_by", "created_at", "applied_at")
    raw_id_fields = ("hierarchy",)
    show_full_result_count = False

    def get_readonly_fields(self, request: HttpRequest, obj: RetentionRule | None = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "hierarchy", "level") if obj else self.readonly_fields

    @admin.display(description="hierarchy")
    def hierarchy_name(self, rule: RetentionRule) -> str:
        return rule.hierarchy.full_name

    def save_model(self, request: HttpRequest, obj: RetentionRule, form: ModelForm, change: bool) -> None:
        actor, names = Actor.from_admin(request), ("keep_last", "older_than_days", "archive")
        values = {name: form.cleaned_data[name] for name in names}
        if change:
            rule = RetentionRule.objects.select_related("hierarchy__project__team").get(pk=obj.pk)
            retention_rules.update(actor, rule, **values)
        else:
            hierarchy = Hierarchy.objects.for_display().get(pk=obj.hierarchy_id)
            obj.pk = retention_rules.create(actor, hierarchy, level=form.cleaned_data["level"], **values).pk

    def delete_model(self, request: HttpRequest, obj: RetentionRule) -> None:
        retention_rules.delete(Actor.from_admin(request), obj)


@admin.register(DataIndex)
class DataIndexAdmin(VerbAdmin):
    list_display = ("hierarchy_name", "path", "state", "error", "created_by", "created_at", "built_at")
    list_filter = ("state", "created_at")
    list_select_related = ("hierarchy__project__team", "created_by")
    search_fields = ("path", "hierarchy__name", "hierarchy__project__name")
    fields = ("hierarchy", "path", "state", "error", "created_by", "created_at", "built_at")
    readonly_fields = ("state", "error", "created_by", "created_at", "built_at")
    raw_id_fields = ("hierarchy",)
    actions = ("build_again",)
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: DataIndex | None = None) -> bool:
        """On another path there is another index."""
        return False

    @admin.display(description="hierarchy")
    def hierarchy_name(self, index: DataIndex) -> str:
        return index.hierarchy.full_name

    def save_model(self, request: HttpRequest, obj: DataIndex, form: ModelForm, change: bool) -> None:
        hierarchy = Hierarchy.objects.for_display().get(pk=obj.hierarchy_id)
        obj.pk = data_indexes.create(Actor.from_admin(request), hierarchy, form.cleaned_data["path"]).pk

    def delete_model(self, request: HttpRequest, obj: DataIndex) -> None:
        data_indexes.delete(Actor.from_admin(request), obj)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("hierarchies.add_dataindex")

    @admin.action(description="Build failed indexes again", permissions=["operate"])
    def build_again(self, request: HttpRequest, queryset: QuerySet[DataIndex]) -> None:
        for index in queryset.select_related("hierarchy__project__team"):
            data_indexes.retry(Actor.from_admin(request), index)


@admin.register(RecordArchive)
class RecordArchiveAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "hierarchy_name", "record_count", "payload_count", "file_size", "restored_at")
    list_filter = ("created_at", "restored_at")
    list_select_related = ("hierarchy__project__team",)
    search_fields = ("hierarchy__name", "hierarchy__project__name")
    ordering = ("-id",)
    paginator = BoundedPaginator
    show_full_result_count = False

    @admin.display(description="hierarchy")
    def hierarchy_name(self, archive: RecordArchive) -> str:
        return archive.hierarchy.full_name

    @admin.display(description="size")
    def file_size(self, archive: RecordArchive) -> str:
        return filesizeformat(archive.size)


def _chosen_hierarchy(request: HttpRequest) -> Hierarchy | None:
    try:
        return Hierarchy.objects.for_display().filter(pk=request.GET.get(_HIERARCHY)).first()
    except ValidationError:
        return None
