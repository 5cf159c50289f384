"""What a run has to do with artifacts: it uses some, and logs some."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import SignedIn
from accounts.api.requests import read, shown
from artifacts import usages
from artifacts.api.naming import UseArtifact
from artifacts.api.requests import find_run
from artifacts.api.serializers import ResolvedSerializer, RunArtifactsSerializer, UsageSerializer, UsedSerializer
from artifacts.models import ArtifactVersion


class RunUseArtifact(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=UseArtifact, responses=UsedSerializer)
    def post(self, request: Request, run_id: UUID) -> Response:
        """Resolve a name as the run's project sees it, and record that the run uses the version."""
        run = find_run(request, run_id)
        data = read(UseArtifact, request, run_id=run_id)
        used = usages.use(request.user, run, data.pop("name"), **data)
        return Response(shown(ResolvedSerializer, used.resolved) | {"usage": shown(UsageSerializer, used.usage)})


class RunArtifacts(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=RunArtifactsSerializer, operation_id="runs_artifacts")
    def get(self, request: Request, run_id: UUID) -> Response:
        """The versions that a run logged and those it used, newest first, a thousand of each at most."""
        run = find_run(request, run_id)
        visible = ArtifactVersion.objects.visible_to(request.user).finalized().for_display().order_by("-id")
        body = {"logged": visible.filter(run=run)[:1000], "used": visible.filter(usages__run=run)[:1000]}
        return Response(RunArtifactsSerializer(body).data)
