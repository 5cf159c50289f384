"""Projects and runs."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.accounts.views import get_team
from api.lookups import get_or_missing
from api.pagination import PageQuery, page_of, paginate, parse
from api.permissions import SignedIn
from api.projects.serializers import (
    HistoryAppend,
    HistoryAppended,
    HistoryPage,
    HistoryQuery,
    ProjectCreate,
    ProjectItemSerializer,
    ProjectQuery,
    ProjectSerializer,
    ProjectUpdate,
    RunCreate,
    RunDetailSerializer,
    RunFinish,
    RunItemSerializer,
    RunQuery,
    RunSerializer,
    RunStartedSerializer,
    RunUpdate,
)
from api.search_filter import narrow
from api.serialization import parse_body
from core.cursors import decode_cursor, encode_cursor
from projects import projects, runs
from projects.models import Project, Resume, Run
from tracking import history
from tracking.models import RunChunk


class ProjectList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[ProjectQuery], responses=page_of(ProjectItemSerializer), operation_id="projects_list")
    def get(self, request: Request) -> Response:
        """List the projects that you can see."""
        query = parse(request, ProjectQuery)
        rows = Project.objects.visible_to(request.user).filter_by(**_filters(query))
        rows = narrow(request, "projects", rows, query)
        return paginate(request, rows.select_related("team", "created_by"), ProjectItemSerializer)

    @extend_schema(request=ProjectCreate, responses={201: ProjectSerializer}, operation_id="projects_create")
    def post(self, request: Request) -> Response:
        """Create a project."""
        data = parse_body(ProjectCreate, request)
        team = get_team(request, data.pop("team", None) or request.user.default_team.name)
        return Response(ProjectSerializer(projects.create(Actor.from_api(request), team, **data)).data, 201)


class ProjectDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=ProjectSerializer, operation_id="projects_show")
    def get(self, request: Request, project_id: UUID) -> Response:
        """Show a project."""
        return Response(ProjectSerializer(get_project(request, project_id)).data)

    @extend_schema(request=ProjectUpdate, responses=ProjectSerializer, operation_id="projects_replace")
    def put(self, request: Request, project_id: UUID) -> Response:
        """Change a project: the fields that are sent."""
        return self.patch(request, project_id)

    @extend_schema(request=ProjectUpdate, responses=ProjectSerializer, operation_id="projects_update")
    def patch(self, request: Request, project_id: UUID) -> Response:
        """Change a project: the fields that are sent."""
        project = get_project(request, project_id)
        changes = parse_body(ProjectUpdate, request, team=project.team.name)
        return Response(ProjectSerializer(projects.update(Actor.from_api(request), project, **changes)).data)

    @extend_schema(responses={204: None}, operation_id="projects_delete")
    def delete(self, request: Request, project_id: UUID) -> Response:
        """Delete a project with all its runs and artifacts."""
        projects.delete(Actor.from_api(request), get_project(request, project_id))
        return Response(status=204)


class RunList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[RunQuery], responses=page_of(RunItemSerializer), operation_id="runs_list")
    def get(self, request: Request) -> Response:
        """List the runs that you can see."""
        query = parse(request, RunQuery)
        within: dict[str, Any] = {}
        if "project" in query:
            within["project"] = query["project"] = Project.objects.visible_to(request.user).find(query["project"])
        rows = Run.objects.visible_to(request.user).filter_by(**_filters(query))
        return paginate(request, narrow(request, "runs", rows.for_display(), query, **within), RunItemSerializer)

    @extend_schema(
        request=RunCreate,
        responses={200: RunStartedSerializer, 201: RunStartedSerializer},
        operation_id="runs_start",
    )
    def post(self, request: Request) -> Response:
        """Start a run, or resume one. The project of a new one is created if it does not exist."""
        data, actor = parse_body(RunCreate, request), Actor.from_api(request)
        get_project = projects.get if data["resume"] == Resume.MUST else projects.get_or_create
        started = runs.start_or_resume(actor, get_project(actor, data.pop("project")), **data)
        body = RunSerializer(started.run).data | {"created": started.created}
        return Response(body, 201 if started.created else 200)


class RunDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=RunDetailSerializer, operation_id="runs_show")
    def get(self, request: Request, run_id: UUID) -> Response:
        """Show a run, with what it was started with."""
        return Response(RunDetailSerializer(get_run(request, run_id)).data)

    @extend_schema(request=RunUpdate, responses=RunSerializer, operation_id="runs_update")
    def patch(self, request: Request, run_id: UUID) -> Response:
        """Change a run: the fields that are sent, config and summary as a whole, or with `merge` key by key."""
        run = get_run(request, run_id)
        return Response(RunSerializer(runs.update(Actor.from_api(request), run, **parse_body(RunUpdate, request))).data)

    @extend_schema(responses={204: None}, operation_id="runs_delete")
    def delete(self, request: Request, run_id: UUID) -> Response:
        """Delete a run with its history; the versions that it logged stay."""
        runs.delete(Actor.from_api(request), get_run(request, run_id))
        return Response(status=204)


class RunHeartbeat(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses=RunSerializer, operation_id="runs_heartbeat")
    def post(self, request: Request, run_id: UUID) -> Response:
        """Record a heartbeat. A run without one for five minutes counts as crashed."""
        return Response(RunSerializer(runs.heartbeat(Actor.from_api(request), get_run(request, run_id))).data)


class RunStop(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=None, responses=RunSerializer, operation_id="runs_stop")
    def post(self, request: Request, run_id: UUID) -> Response:
        """Ask the program of a run to stop, which it learns when it sends something. Of a run that ended nothing."""
        return Response(RunSerializer(runs.stop(Actor.from_api(request), get_run(request, run_id))).data)


class RunHistory(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[HistoryQuery], responses=HistoryPage, operation_id="runs_history")
    def get(self, request: Request, run_id: UUID) -> Response:
        """List what the run logged, in the order in which it arrived."""
        run, query = get_run(request, run_id), parse(request, HistoryQuery)
        keys, samples = query.pop("keys", ()), query.pop("samples", None)
        if samples is not None:
            del query["limit"]
            return Response({"items": history.samples(run, samples, keys, **query), "next_cursor": None})
        if cursor := query.pop("cursor", None):
            query["start"] = decode_cursor(cursor, RunChunk, "end_line")
        rows, next_row = history.page(run, **query)
        rows = history.only(rows, keys) if keys else rows
        return Response({"items": rows, "next_cursor": None if next_row is None else encode_cursor(next_row)})

    @extend_schema(request=HistoryAppend, responses=HistoryAppended, operation_id="runs_append_history")
    def post(self, request: Request, run_id: UUID) -> Response:
        """Add rows to what the run logged; those that the writer has sent before are skipped."""
        rows = parse_body(HistoryAppend, request)
        run = history.append(Actor.from_api(request), get_run(request, run_id), **rows)
        return Response(
            {
                "history_row_count": run.history_row_count,
                "last_step": run.last_step,
                "stop_requested": run.stop_requested,
            }
        )


class RunEnd(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=RunFinish, responses=RunSerializer, operation_id="runs_finish")
    def post(self, request: Request, run_id: UUID) -> Response:
        """End a run, with its exit code or state."""
        end = parse_body(RunFinish, request)
        return Response(RunSerializer(runs.finish(Actor.from_api(request), get_run(request, run_id), **end)).data)


def get_project(request: Request, project_id: UUID) -> Project:
    visible = Project.objects.visible_to(request.user)
    return get_or_missing(visible.select_related("team", "created_by"), "Project", project_id)


def get_run(request: Request, run_id: UUID) -> Run:
    visible = Run.objects.visible_to(request.user)
    return get_or_missing(visible.select_related("project__team", "created_by"), "Run", run_id)


def _filters(query: dict[str, Any]) -> dict[str, Any]:
    """The order, and the values of columns, among what is asked of a list."""
    others = {"q", "search", *PageQuery._declared_fields}
    return {name: value for name, value in query.items() if name not in others}
