"""Proposals to move aliases, which a second person approves or rejects."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.aliases.serializers import ProposalCreate, ProposalDecision, ProposalSerializer
from api.artifacts import query_params
from api.artifacts.lookups import get_artifact, get_proposal, get_target
from api.pagination import cursor_page_of, page_by_cursor, parse
from api.permissions import SignedIn
from api.serialization import parse_body
from artifacts.aliases import proposals
from artifacts.models import AliasProposal


class ProposalList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[query_params.ProposalQuery],
        responses=cursor_page_of(ProposalSerializer),
        operation_id="alias_proposals_list",
    )
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """List the proposals for an artifact's aliases, newest first."""
        query = parse(request, query_params.ProposalQuery)
        rows = get_artifact(request, artifact_id).alias_proposals.for_display()
        rows = rows.filter(state=query["state"]) if "state" in query else rows
        return page_by_cursor(request, rows, "-id", ProposalSerializer, query_params.ProposalQuery)

    @extend_schema(request=ProposalCreate, responses={201: ProposalSerializer}, operation_id="alias_proposals_create")
    def post(self, request: Request, artifact_id: UUID) -> Response:
        """Propose to create, move, roll back or remove an alias."""
        artifact = get_artifact(request, artifact_id)
        data = parse_body(ProposalCreate, request, artifact_id=artifact_id)
        actor = Actor.from_api(request, data.get("reason", ""))
        if data["is_rollback"]:
            return _response(proposals.propose_rollback(actor, artifact, data["alias"]), 201)
        to = get_target(request, data["version_id"]) if data["version_id"] else None
        return _response(proposals.propose(actor, artifact, data["alias"], to), 201)


class ProposalDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=ProposalSerializer, operation_id="alias_proposals_show")
    def get(self, request: Request, proposal_id: UUID) -> Response:
        """Show a proposal and its state."""
        return Response(ProposalSerializer(get_proposal(request, proposal_id)).data)


class ProposalApprove(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=ProposalDecision, responses=ProposalSerializer, operation_id="alias_proposals_approve")
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Approve a proposal of somebody else: the alias moves, if it is still at the version where it was proposed."""
        proposal = get_proposal(request, proposal_id)
        proposals.approve(Actor.from_api(request), proposal, **parse_body(ProposalDecision, request))
        return _response(proposal)


class ProposalReject(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=ProposalDecision, responses=ProposalSerializer, operation_id="alias_proposals_reject")
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Reject a proposal of somebody else: the alias does not move."""
        proposal = get_proposal(request, proposal_id)
        return _response(proposals.reject(Actor.from_api(request), proposal, **parse_body(ProposalDecision, request)))


class ProposalWithdraw(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=ProposalDecision, responses=ProposalSerializer, operation_id="alias_proposals_withdraw")
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Withdraw your own proposal."""
        proposal = get_proposal(request, proposal_id)
        return _response(proposals.withdraw(Actor.from_api(request), proposal, **parse_body(ProposalDecision, request)))


def _response(proposal: AliasProposal, status: int = 200) -> Response:
    return Response(ProposalSerializer(AliasProposal.objects.for_display().get(pk=proposal.pk)).data, status)
