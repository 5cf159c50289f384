"""What differs between two versions of an artifact."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.artifacts.comparison_serializers import CompareQuery, ComparisonSerializer, comparison_body
from api.artifacts.lookups import get_version
from api.pagination import parse
from api.permissions import SignedIn
from artifacts import errors, name_resolution, version_diff
from artifacts.errors import VersionNotFound


class VersionCompare(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[CompareQuery], responses=ComparisonSerializer, operation_id="versions_compare")
    def get(self, request: Request, version_id: UUID) -> Response:
        """Compare a finalized version with another one of its artifact: files, metadata, and the runs behind them."""
        version = get_version(request, version_id)
        query = parse(request, CompareQuery)
        if not version.is_finalized:
            raise VersionNotFound(f"{version.title} is not finalized: finalize it to compare it.")
        base, head = name_resolution.resolve_pair(version.artifact, query.get("base", ""), version.version)
        if base is None or head is None:
            raise errors.Missing(
                f"There is no version before {version.version} to compare it with: name one as `base`."
            )
        changes = version_diff.files(base, head, after=query.get("cursor", ""), limit=query["limit"])
        metadata = version_diff.metadata(base.metadata, head.metadata)
        return Response(comparison_body(base, head, changes, metadata, version_diff.runs(base, head)))
