"""Files of a version: add, upload one by one, list, download, remove from a draft."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actor import Actor
from api.artifacts import query_params
from api.artifacts.file_columns import file_specs
from api.artifacts.lookups import get_file, get_signed_file, get_version
from api.artifacts.serializers import FileSerializer
from api.artifacts.upload_serializers import (
    FILE_OR_REFERENCE,
    BatchSerializer,
    DownloadUrlSerializer,
    FileRegister,
    PartSerializer,
    ReferenceCreate,
    ReferenceRegister,
    UploadUrlRequest,
    UploadUrlSerializer,
    reference_spec,
)
from api.pagination import cursor_page_of, page_by_cursor, parse
from api.permissions import SignedIn
from api.serialization import parse_body
from artifacts import draft_files, storage
from artifacts.content import downloads, single_upload
from artifacts.draft_files import FileSpec
from artifacts.models import StoredObject
from artifacts.references import references
from core import byte_ranges

_URL_LIFE_SECONDS = int(storage.SIGNED_URL_LIFE.total_seconds())


class UploadUrl(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=UploadUrlRequest, responses=UploadUrlSerializer, operation_id="files_upload_url")
    def post(self, request: Request, version_id: UUID) -> Response:
        """Get a signed URL for one file: PUT exactly `size` bytes there within the hour, then register the file.

        With `part_size`, a URL for each part; give the ETags of the store's responses when you register the file.
        """
        version = get_version(request, version_id)
        data = parse_body(UploadUrlRequest, request, version_id=version_id)
        options = {name: data.pop(name, None) for name in ("part_size", "storage_key")}
        obj = single_upload.begin(Actor.from_api(request), version, FileSpec(**data), **options)
        body = {"storage_key": obj.key, "expires_in": _URL_LIFE_SECONDS, "method": "PUT"}
        return Response(body | (_signed_parts(obj) if obj.is_multipart else _signed_put(obj)))


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

    @extend_schema(request=FILE_OR_REFERENCE, responses={201: FileSerializer}, operation_id="files_register")
    def post(self, request: Request, version_id: UUID) -> Response:
        """Register a file whose bytes were sent to a URL of `…/files/upload-url`, or a reference."""
        version = get_version(request, version_id)
        if isinstance(request.data, Mapping) and request.data.get("is_reference"):
            data = parse_body(ReferenceRegister, request, version_id=version_id)
            file = references.add_one(Actor.from_api(request), version, reference_spec(data))
            return Response(FileSerializer(file).data, 201)
        data = parse_body(FileRegister, request, version_id=version_id)
        spec = FileSpec(
            data["path"],
            data["size"],
            data.get("sha256_hash"),
            data.get("md5_hash"),
            data.get("mime_type", ""),
            data.get("executable", False),
        )
        file = single_upload.register(
            Actor.from_api(request), version, spec, data["storage_key"], data.get("parts", {})
        )
        return Response(FileSerializer(file).data, 201)


class FileReference(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=ReferenceCreate, responses={201: FileSerializer}, operation_id="files_add_reference")
    def post(self, request: Request, version_id: UUID) -> Response:
        """Add a reference to a draft: an object that stays where it is. It is not opened."""
        version = get_version(request, version_id)
        spec = reference_spec(parse_body(ReferenceCreate, request))
        return Response(FileSerializer(references.add_one(Actor.from_api(request), version, spec)).data, 201)


class FileBatch(APIView):
    permission_classes = [SignedIn]

    @extend_schema(request=BatchSerializer, responses=BatchSerializer, operation_id="files_batch")
    def post(self, request: Request, version_id: UUID) -> Response:
        """Add many files to a draft, by their sha256, and references; returns which to upload. Safe to repeat."""
        version = get_version(request, version_id)
        data = parse_body(BatchSerializer, request, version_id=version_id)
        added, missing = references.add(Actor.from_api(request), version, file_specs(data))
        return Response({"added": added, "missing": missing})


class FileDetail(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses={204: None}, operation_id="files_delete")
    def delete(self, request: Request, file_id: UUID) -> Response:
        """Remove a file from a draft."""
        draft_files.remove(Actor.from_api(request), get_file(request, file_id))
        return Response(status=204)


class DownloadUrl(APIView):
    permission_classes = [SignedIn]

    @extend_schema(responses=DownloadUrlSerializer, operation_id="files_download_url")
    def get(self, request: Request, file_id: UUID) -> Response:
        """Get a URL that reads exactly this file for an hour, without a key. Counted as a download.

        Of a reference that is in no external store of the team it is the URI, with `expires_in: 0`.
        """
        file = get_file(request, file_id)
        url, is_signed = downloads.url(Actor.from_api(request), file)
        body = {"download_url": url, "url": url, "file_name": file.name, "size": file.size, "mime_type": file.mime_type}
        return Response(body | {"expires_in": _URL_LIFE_SECONDS if is_signed else 0})


class FileContent(APIView):
    # The signature is the permission: it was given to somebody who may see the file, and names no other.
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(
        parameters=[query_params.SignatureQuery],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        operation_id="files_content",
    )
    def get(self, request: Request, file_id: UUID) -> HttpResponseBase:
        """The bytes of a small file, or of one that is stored in pieces, at a URL of `…/download-url`.

        Honours a `Range` of the form `bytes=<first>-<last>` or `bytes=<first>-`.
        """
        downloads.check_signature(str(file_id), parse(request, query_params.SignatureQuery)["signature"])
        file = get_signed_file(file_id)
        # Whoever has the URL: it names nobody.
        part = byte_ranges.parse(request.headers.get("Range"), file.size)
        content = downloads.passed_on(file, f"file {file_id}", part.start, part.length)
        response = part.respond(content, "application/octet-stream")
        response["Content-Disposition"] = content_disposition_header(True, file.name)
        return response


def _signed_put(obj: StoredObject) -> dict[str, Any]:
    put = single_upload.sign_put(obj)
    return {"upload_url": put.url, "headers": put.headers}


def _signed_parts(obj: StoredObject) -> dict[str, Any]:
    # Signing opens the multipart upload, which gives the object its upload_id.
    parts = PartSerializer(single_upload.sign_parts(obj), many=True).data
    return {"upload_id": obj.upload_id, "part_size": obj.part_size, "parts": parts}
