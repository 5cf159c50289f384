"""Retention of a hierarchy: its rules, what they would delete, and the archives of what they deleted."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.hierarchies.lookups import get_hierarchy
from api.hierarchies.upkeep_serializers import (
    ArchiveRestoredSerializer,
    RecordArchiveDetailSerializer,
    RecordArchiveSerializer,
    RetentionPreviewSerializer,
    RetentionRuleCreate,
    RetentionRuleSerializer,
    RetentionRuleUpdate,
    preview_body,
)
from api.lookups import get_or_missing
from api.pagination import PageQuery, page_of, paginate
from api.permissions import SignedIn
from api.serialization import parse_body
from hierarchies import archives, restoration, retention_rules
from hierarchies.models import Hierarchy, RecordArchive, RetentionRule


class RetentionRuleList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[PageQuery], responses=page_of(RetentionRuleSerializer), operation_id="retention_rules_list"
    )
    def get(self, request: Request, hierarchy_id: UUID) -> Response:
        """List the retention rules of a hierarchy."""
        rows = get_hierarchy(request, hierarchy_id).retention_rules.select_related("hierarchy", "created_by")
        return paginate(request, rows.order_by("level", "id"), RetentionRuleSerializer)

    @extend_schema(
        request=RetentionRuleCreate, responses={201: RetentionRuleSerializer}, operation_id="retention_rules_create"
    )
    def post(self, request: Request, hierarchy_id: UUID) -> Response:
        """Add a retention rule, for admins of the team. With both limits, a record goes only by both."""
        hierarchy, data = get_hierarchy(request, hierarchy_id), parse_body(RetentionRuleCreate, request)
        rule = retention_rules.create(Actor.from_api(request), hierarchy, **data)
        return Response(RetentionRuleSerializer(rule).data, 201)


class RetentionRuleDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=RetentionRuleSerializer, operation_id="retention_rules_show")
    def get(self, request: Request, hierarchy_id: UUID, retention_rule_id: UUID) -> Response:
        """Show a retention rule."""
        return Response(RetentionRuleSerializer(_get_rule(request, hierarchy_id, retention_rule_id)).data)

    @extend_schema(
        request=RetentionRuleUpdate, responses=RetentionRuleSerializer, operation_id="retention_rules_update"
    )
    def patch(self, request: Request, hierarchy_id: UUID, retention_rule_id: UUID) -> Response:
        """Change a retention rule: the fields that are sent."""
        rule, changes = _get_rule(request, hierarchy_id, retention_rule_id), parse_body(RetentionRuleUpdate, request)
        rule = retention_rules.update(Actor.from_api(request), rule, **changes)
        return Response(RetentionRuleSerializer(rule).data)

    @extend_schema(responses={204: None}, operation_id="retention_rules_delete")
    def delete(self, request: Request, hierarchy_id: UUID, retention_rule_id: UUID) -> Response:
        """Delete a retention rule. What it deleted stays deleted."""
        retention_rules.delete(Actor.from_api(request), _get_rule(request, hierarchy_id, retention_rule_id))
        return Response(status=204)


class RetentionPreview(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=RetentionPreviewSerializer, operation_id="retention_preview")
    def get(self, request: Request, hierarchy_id: UUID) -> Response:
        """Show what the rules would delete now, for editors: at most 10,000 records of each level are looked at."""
        hierarchy = get_hierarchy(request, hierarchy_id)
        return Response(preview_body(retention_rules.preview(Actor.from_api(request), hierarchy)))


class RetentionApply(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses={202: None}, operation_id="retention_apply")
    def post(self, request: Request, hierarchy_id: UUID) -> Response:
        """Have the rules applied now, for admins of the team; otherwise workers do it every hour."""
        retention_rules.apply_soon(Actor.from_api(request), get_hierarchy(request, hierarchy_id))
        return Response(status=202)


class RecordArchiveList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[PageQuery], responses=page_of(RecordArchiveSerializer), operation_id="record_archives_list"
    )
    def get(self, request: Request, hierarchy_id: UUID) -> Response:
        """List the archives of what retention deleted, the newest first, for admins of the team."""
        hierarchy = get_hierarchy(request, hierarchy_id)
        archives.require_access(Actor.from_api(request), hierarchy)
        return paginate(request, hierarchy.archives.order_by("-id"), RecordArchiveSerializer)


class RecordArchiveDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=RecordArchiveDetailSerializer, operation_id="record_archives_show")
    def get(self, request: Request, hierarchy_id: UUID, archive_id: UUID) -> Response:
        """Show an archive with a signed URL of its JSON Lines, for admins of the team."""
        archive = _get_archive(request, hierarchy_id, archive_id)
        archive.url = archives.url(Actor.from_api(request), archive)
        return Response(RecordArchiveDetailSerializer(archive).data)

    @extend_schema(responses={204: None}, operation_id="record_archives_delete")
    def delete(self, request: Request, hierarchy_id: UUID, archive_id: UUID) -> Response:
        """Delete an archive: what is in it cannot be restored any more."""
        archives.delete(Actor.from_api(request), _get_archive(request, hierarchy_id, archive_id))
        return Response(status=204)


class RecordArchiveRestore(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses=ArchiveRestoredSerializer, operation_id="record_archives_restore")
    def post(self, request: Request, hierarchy_id: UUID, archive_id: UUID) -> Response:
        """Put the records of an archive back where they were, for admins of the team. Those that are there stay."""
        archive = _get_archive(request, hierarchy_id, archive_id)
        return Response(ArchiveRestoredSerializer(restoration.restore(Actor.from_api(request), archive)).data)


def _get_rule(request: Request, hierarchy_id: UUID, retention_rule_id: UUID) -> RetentionRule:
    hierarchy = get_hierarchy(request, hierarchy_id)
    rule = get_or_missing(hierarchy.retention_rules.select_related("created_by"), "Retention rule", retention_rule_id)
    rule.hierarchy = hierarchy
    return rule


def _get_archive(request: Request, hierarchy_id: UUID, archive_id: UUID) -> RecordArchive:
    hierarchy: Hierarchy = get_hierarchy(request, hierarchy_id)
    archives.require_access(Actor.from_api(request), hierarchy)
    archive = get_or_missing(hierarchy.archives.select_related("blob_hold__blob__object"), "Archive", archive_id)
    archive.hierarchy = hierarchy
    return archive
