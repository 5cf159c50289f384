"""The artifacts that a run uses and logs."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.aliases.serializers import UseArtifact
from api.artifacts.lookups import get_run, get_version
from api.artifacts.serializers import (
    ResolvedSerializer,
    RunArtifactsSerializer,
    UsageSerializer,
    UsedSerializer,
)
from api.permissions import SignedIn
from api.serialization import parse_body, serialize
from artifacts import link_sources
from artifacts.lineage import usages
from artifacts.models import ArtifactVersion
from core import long_values


class RunUseArtifact(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=UseArtifact, responses=UsedSerializer)
    def post(self, request: Request, run_id: UUID) -> Response:
        """Find a version by its id, or by a name in the run's project, and record that the run uses it."""
        run = get_run(request, run_id)
        data = parse_body(UseArtifact, request, run_id=run_id)
        actor = Actor.from_api(request)
        if "version_id" in data:
            version = get_version(request, data["version_id"])
            used = usages.use_version(actor, run, version, type=data.get("type"), requested_as=data.get("requested_as"))
        else:
            used = usages.use(actor, run, data.pop("name"), **data)
        link_sources.attach(request.user, [used.resolved.version])
        return Response(
            serialize(ResolvedSerializer, used.resolved) | {"usage": serialize(UsageSerializer, used.usage)}
        )


class RunArtifacts(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=RunArtifactsSerializer, operation_id="runs_artifacts")
    def get(self, request: Request, run_id: UUID) -> Response:
        """List the versions that a run logged and used, newest first, at most a thousand of each."""
        run = get_run(request, run_id)
        visible = ArtifactVersion.objects.visible_to(request.user).finalized().for_display().order_by("-id")
        visible = long_values.defer(visible, "")
        body = {
            "logged": list(visible.filter(run=run)[:1000]),
            "used": list(usages.versions_used(run, visible)[:1000]),
        }
        for versions in body.values():
            long_values.load(versions)
        link_sources.attach(request.user, [*body["logged"], *body["used"]])
        return Response(RunArtifactsSerializer(body).data)
