"""Files of a version: stated, uploaded one by one, listed, downloaded, taken out of a draft."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.artifacts import query_params
from api.artifacts.lookups import get_file, get_version
from api.artifacts.serializers import FileSerializer
from api.artifacts.upload_serializers import (
    BatchSerializer,
    DownloadUrlSerializer,
    FileRegister,
    PartSerializer,
    UploadUrlRequest,
    UploadUrlSerializer,
    etags_of,
)
from api.pagination import cursor_page_of, page_by_cursor, parse
from api.permissions import SignedIn
from api.serialization import parse_body
from artifacts import drafts
from artifacts.content import downloads, uploads
from artifacts.models import ArtifactFile, StoredObject

_LIFE = int(settings.SIGNED_URL_LIFE.total_seconds())


class UploadUrl(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=UploadUrlRequest, responses=UploadUrlSerializer, operation_id="files_upload_url")
    def post(self, request: Request, version_id: UUID) -> Response:
        """One signed address for one file: PUT exactly `size` bytes there within the hour, then register the file.

        With `part_size`, an address for each part; the ETags that the store answers them with go to the registration.
        """
        version = get_version(request, version_id)
        data = parse_body(UploadUrlRequest, request, version_id=version_id)
        begun = {name: data.pop(name, None) for name in ("part_size", "storage_key")}
        place = uploads.begin_single(Actor.from_api(request), version, drafts.FileSpec(**data), **begun)
        body = {"storage_key": place.key, "expires_in": _LIFE, "method": "PUT"}
        return Response(body | (_in_parts(place) if place.is_multipart else _in_one(place)))


class FileList(APIView):
    permission_classes = [SignedIn]

    @extend_schema(
        parameters=[query_params.FileQuery], responses=cursor_page_of(FileSerializer), operation_id="files_list"
    )
    def get(self, request: Request, version_id: UUID) -> Response:
        """List the files of a version in the order of their paths."""
        query = parse(request, query_params.FileQuery)
        rows = get_version(request, version_id).files.under(query.get("prefix", "")).select_related("blob__object")
        return page_by_cursor(request, rows, "path", FileSerializer, query_params.FileQuery)

    @extend_schema(request=FileRegister, responses={201: FileSerializer}, operation_id="files_register")
    def post(self, request: Request, version_id: UUID) -> Response:
        """Register a file whose bytes were sent to an address of `…/files/upload-url`."""
        version = get_version(request, version_id)
        data = parse_body(FileRegister, request, version_id=version_id)
        statement = drafts.FileSpec(
            data["path"], data["size"], data.get("sha256_hash"), data.get("md5_hash"), data.get("mime_type", "")
        )
        file = drafts.register_upload(Actor.from_api(request), version, statement, data["storage_key"], etags_of(data))
        return Response(FileSerializer(file).data, 201)


class FileBatch(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=BatchSerializer, responses=BatchSerializer, operation_id="files_batch")
    def post(self, request: Request, version_id: UUID) -> Response:
        """State many files of a draft by their sha256; answers which ones must be uploaded. All or none."""
        version = get_version(request, version_id)
        data = parse_body(BatchSerializer, request, version_id=version_id)
        added, missing = drafts.add(Actor.from_api(request), version, data["files"])
        return Response({"added": added, "missing": missing})


class FileDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses={204: None}, operation_id="files_delete")
    def delete(self, request: Request, file_id: UUID) -> Response:
        """Take a file out of a draft."""
        drafts.remove(Actor.from_api(request), get_file(request, file_id))
        return Response(status=204)


class DownloadUrl(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=DownloadUrlSerializer, operation_id="files_download_url")
    def get(self, request: Request, file_id: UUID) -> Response:
        """An address that reads exactly this file for an hour, without a key. Counted as a download."""
        file = get_file(request, file_id)
        url = downloads.presigned_url(Actor.from_api(request), file)
        body = {"download_url": url, "file_name": file.name, "size": file.size, "mime_type": file.mime_type}
        return Response(body | {"expires_in": _LIFE})


class FileContent(APIView):
    # The signature is the permission: it was given to somebody who may see the file, and names no other.
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(
        parameters=[query_params.SignatureQuery],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        operation_id="files_content",
    )
    def get(self, request: Request, file_id: UUID) -> StreamingHttpResponse:
        """The bytes of a small file, at an address that `…/download-url` gave."""
        downloads.check_signature(str(file_id), parse(request, query_params.SignatureQuery)["signature"])
        file = get_object_or_404(ArtifactFile.objects.select_related("blob__object"), pk=file_id)
        response = StreamingHttpResponse(downloads.content(file), content_type="application/octet-stream")
        response["Content-Length"] = file.size
        response["Content-Disposition"] = content_disposition_header(True, file.name)
        return response


def _in_one(place: StoredObject) -> dict[str, Any]:
    put = uploads.sign_one(place)
    return {"upload_url": put.url, "headers": put.headers}


def _in_parts(place: StoredObject) -> dict[str, Any]:
    parts = uploads.sign_parts(place)
    told = {"upload_id": place.upload_id, "part_size": place.part_size}
    return told | {"parts": PartSerializer(parts, many=True).data}
