"""Moves of aliases that wait for a second person."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.pagination import cursor_page_of, page_by_cursor, parse
from accounts.api.permissions import SignedIn
from accounts.api.requests import read
from accounts.origin import Origin
from artifacts import proposals
from artifacts.api import queries
from artifacts.api.naming import ProposalCreate, ProposalDecision, ProposalSerializer
from artifacts.api.requests import find_artifact, find_proposal, find_target
from artifacts.models import AliasProposal


class ProposalList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[queries.ProposalQuery],
        responses=cursor_page_of(ProposalSerializer),
        operation_id="alias_proposals_list",
    )
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """List the proposed moves of an artifact's aliases, newest first."""
        query = parse(request, queries.ProposalQuery)
        rows = find_artifact(request, artifact_id).alias_proposals.for_display()
        rows = rows.filter(state=query["state"]) if "state" in query else rows
        return page_by_cursor(request, rows, "-id", ProposalSerializer, queries.ProposalQuery)

    @extend_schema(request=ProposalCreate, responses={201: ProposalSerializer}, operation_id="alias_proposals_create")
    def post(self, request: Request, artifact_id: UUID) -> Response:
        """Ask a second person to make, move or remove an alias."""
        artifact = find_artifact(request, artifact_id)
        data = read(ProposalCreate, request, artifact_id=artifact_id)
        to = find_target(request, data["version_id"]) if data["version_id"] else None
        origin = Origin.of(request, data.get("reason", ""))
        return _shown(proposals.propose(request.user, artifact, data["alias"], to, origin), 201)


class ProposalDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=ProposalSerializer, operation_id="alias_proposals_show")
    def get(self, request: Request, proposal_id: UUID) -> Response:
        """Show a proposed move, and what became of it."""
        return Response(ProposalSerializer(find_proposal(request, proposal_id)).data)


class ProposalApprove(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=ProposalDecision, responses=ProposalSerializer, operation_id="alias_proposals_approve")
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Make the proposed move, if the alias is still where it was; never by who proposed it."""
        proposal = find_proposal(request, proposal_id)
        proposals.approve(request.user, proposal, Origin.of(request), **read(ProposalDecision, request))
        return _shown(proposal)


class ProposalReject(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=ProposalDecision, responses=ProposalSerializer, operation_id="alias_proposals_reject")
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Decide that the alias stays where it is."""
        proposal = find_proposal(request, proposal_id)
        return _shown(proposals.reject(request.user, proposal, **read(ProposalDecision, request)))


class ProposalWithdraw(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=ProposalDecision, responses=ProposalSerializer, operation_id="alias_proposals_withdraw")
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Take your own proposal back."""
        proposal = find_proposal(request, proposal_id)
        return _shown(proposals.withdraw(request.user, proposal, **read(ProposalDecision, request)))


def _shown(proposal: AliasProposal, status: int = 200) -> Response:
    return Response(ProposalSerializer(AliasProposal.objects.for_display().get(pk=proposal.pk)).data, status)
