"""The files and alerts of runs."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.pagination import cursor_page_of, page_by_cursor, parse
from api.permissions import SignedIn
from api.projects.views import get_run
from api.runs.serializers import (
    AlertCreate,
    AlertSent,
    ConsoleAppend,
    ConsoleLines,
    ConsoleLineSerializer,
    ConsoleQuery,
    RunFileNames,
    RunFileQuery,
    RunFileSerializer,
    RunFilesUploaded,
    RunFileUploads,
)
from api.serialization import parse_body
from tracking import alerts, console, files


class RunFileList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[RunFileQuery], responses=cursor_page_of(RunFileSerializer), operation_id="runs_files_list"
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """List the files of a run by name."""
        run, query = get_run(request, run_id), parse(request, RunFileQuery)
        return page_by_cursor(request, files.listed(run, query.get("name")), "name", RunFileSerializer, RunFileQuery)

    @extend_schema(request=RunFileNames, responses=RunFileUploads, operation_id="runs_files_begin")
    def post(self, request: Request, run_id: UUID) -> Response:
        """Get a signed URL for the bytes of each file. A file that is there stays until the new bytes have arrived."""
        names = parse_body(RunFileNames, request)["files"]
        begun = files.begin(Actor.from_api(request), get_run(request, run_id), names)
        return Response({"items": [{"name": file.name, "upload_url": url} for file, url in begun]})

    @extend_schema(parameters=[RunFileQuery], responses={204: None}, operation_id="runs_files_delete")
    def delete(self, request: Request, run_id: UUID) -> Response:
        """Delete the files of these names. Those that are not there are no error."""
        run, names = get_run(request, run_id), parse(request, RunFileQuery).get("name", [])
        files.delete_named(Actor.from_api(request), run, names)
        return Response(status=204)


class RunFileArrivals(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=RunFileNames, responses=RunFilesUploaded, operation_id="runs_files_uploaded")
    def post(self, request: Request, run_id: UUID) -> Response:
        """Take in the files whose bytes have been sent; those that have not arrived are left out."""
        names = parse_body(RunFileNames, request)["files"]
        arrived = files.mark_uploaded(Actor.from_api(request), get_run(request, run_id), names)
        return Response({"items": RunFileSerializer(arrived, many=True).data})


class RunConsole(APIView):
    permission_classes = [SignedIn]

    @extend_schema(parameters=[ConsoleQuery], responses=ConsoleLines, operation_id="runs_console")
    def get(self, request: Request, run_id: UUID) -> Response:
        """List lines that the program of a run printed."""
        run, query = get_run(request, run_id), parse(request, ConsoleQuery)
        count = {"last" if query["last"] else "first": query["limit"]}
        found = console.read(run, after=query.get("after"), **count)
        items = ConsoleLineSerializer(found, many=True).data
        return Response({"items": items, "line_count": console.line_count(run)})

    @extend_schema(request=ConsoleAppend, responses={204: None}, operation_id="runs_append_console")
    def post(self, request: Request, run_id: UUID) -> Response:
        """Add lines that the program of a run printed; those that the writer has sent before are skipped."""
        data = parse_body(ConsoleAppend, request)
        actor, run = Actor.from_api(request), get_run(request, run_id)
        console.append(actor, run, data["writer"], data["offset"], data["lines"])
        return Response(status=204)


class RunAlerts(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=AlertCreate, responses=AlertSent, operation_id="runs_alert")
    def post(self, request: Request, run_id: UUID) -> Response:
        """Notify who started the run, and who watches its project or listens by a webhook."""
        alert = parse_body(AlertCreate, request)
        return Response({"sent": alerts.send(Actor.from_api(request), get_run(request, run_id), **alert)})
