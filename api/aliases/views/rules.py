"""Rules that protect aliases."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.aliases.serializers import RuleCreate, RuleSerializer, RuleUpdate, scope_of
from api.artifacts import query_params
from api.artifacts.lookups import get_rule, get_scope
from api.pagination import page_of, paginate, parse
from api.permissions import SignedIn
from api.serialization import parse_body
from artifacts.aliases import protection
from artifacts.models import AliasRule, Artifact


class RuleList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[query_params.RuleQuery], responses=page_of(RuleSerializer), operation_id="alias_rules_list"
    )
    def get(self, request: Request) -> Response:
        """List rules by pattern: those of a team or a project, or all that apply to an artifact."""
        return paginate(request, _filtered(request), RuleSerializer)

    @extend_schema(request=RuleCreate, responses={201: RuleSerializer}, operation_id="alias_rules_create")
    def post(self, request: Request) -> Response:
        """Create a rule that protects aliases in a team, a project or an artifact."""
        data = parse_body(RuleCreate, request)
        scope = scope_of(data)
        fields = {field: value for field, value in data.items() if field not in scope}
        rule = protection.create(Actor.from_api(request), get_scope(request, scope), **fields)
        return Response(RuleSerializer(rule).data, 201)


class RuleDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=RuleSerializer, operation_id="alias_rules_show")
    def get(self, request: Request, rule_id: UUID) -> Response:
        """Show a rule."""
        return Response(RuleSerializer(get_rule(request, rule_id)).data)

    @extend_schema(request=RuleUpdate, responses=RuleSerializer, operation_id="alias_rules_update")
    def patch(self, request: Request, rule_id: UUID) -> Response:
        """Change pattern, role or approval of a rule; its scope cannot change."""
        rule = get_rule(request, rule_id)
        changes = parse_body(RuleUpdate, request)
        return Response(RuleSerializer(protection.update(Actor.from_api(request), rule, **changes)).data)

    @extend_schema(responses={204: None}, operation_id="alias_rules_delete")
    def delete(self, request: Request, rule_id: UUID) -> Response:
        """Delete a rule; other rules that match the same aliases still apply."""
        protection.delete(Actor.from_api(request), get_rule(request, rule_id))
        return Response(status=204)


def _filtered(request: Request) -> QuerySet[AliasRule]:
    scope = scope_of(parse(request, query_params.RuleQuery))
    rules = AliasRule.objects.visible_to(request.user).for_display().order_by("pattern", "pk")
    if not scope:
        return rules
    owner = get_scope(request, scope)
    return rules.covering(owner) if isinstance(owner, Artifact) else rules.filter(**dict.fromkeys(scope, owner))
