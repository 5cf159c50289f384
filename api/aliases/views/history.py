"""The history of aliases, newest first."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.aliases.serializers import ChangeSerializer
from api.artifacts.lookups import get_artifact
from api.pagination import (
    CursorQuery,
    cursor_page_of,
    decode_cursor,
    encode_cursor,
    page_by_cursor,
    parse,
)
from api.permissions import SignedIn
from artifacts import errors
from artifacts.aliases import aliases
from artifacts.models import AliasChange


class AliasesHistory(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[CursorQuery], responses=cursor_page_of(ChangeSerializer), operation_id="aliases_history")
    def get(self, request: Request, artifact_id: UUID) -> Response:
        """List the changes of all aliases of an artifact, including removed ones."""
        query = parse(request, CursorQuery)
        rows = AliasChange.objects.filter(artifact=get_artifact(request, artifact_id)).newest_first()
        if "cursor" in query:
            last = rows.filter(pk=decode_cursor(query["cursor"], AliasChange, "id")).first()
            if last is None:
                raise errors.Invalid("Invalid cursor: use one that this list returned.")
            rows = rows.before(last)
        row = list(rows[: query["limit"] + 1])
        page = row[: query["limit"]]
        next_cursor = encode_cursor(page[-1].pk) if len(row) > len(page) else None
        return Response({"items": ChangeSerializer(page, many=True).data, "next_cursor": next_cursor})


class AliasHistory(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[CursorQuery], responses=cursor_page_of(ChangeSerializer), operation_id="aliases_history_of_one"
    )
    def get(self, request: Request, artifact_id: UUID, alias: str) -> Response:
        """List the changes of one alias, also after its removal."""
        artifact = get_artifact(request, artifact_id)
        answer = page_by_cursor(request, AliasChange.objects.of(artifact, alias), "-number", ChangeSerializer)
        if not answer.data["items"] and "cursor" not in request.query_params:
            # Every alias has a history, so this one does not exist: raise the error that lists the existing ones.
            aliases.get(artifact, alias)
        return answer
