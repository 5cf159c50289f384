"""Presigned URLs of our own store: the same signatures that boto3 makes. `test_storage` tries them on a real store."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

import boto3
import pytest
from botocore.config import Config

from artifacts import signature_v4, storage, store_connection
from tests.artifacts.client import with_store_options

KEYS = ("projects/1/a.txt", "projects/1/b c+%/ü~*'().txt", "projects/1/-_.~", "why?x=1&y#z")
ENDPOINTS = ("http://127.0.0.1:8333", "https://s3.eu-central-1.amazonaws.com", "https://Store.example.org:443/s3")
CHECKSUM = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
BODY = {"ContentLength": 5}
BOUND = BODY | {"ChecksumSHA256": CHECKSUM}
PART = {"UploadId": "up/load~1+", "PartNumber": 3}
LENGTH = {"content-length": "5"}


def parts(url: str) -> tuple[str, dict[str, str]]:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}{split.path}", dict(parse_qsl(split.query, strict_parsing=True))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("token", [None, "token/+="])
@pytest.mark.parametrize(
    ("operation", "params", "method", "query", "headers"),
    [
        ("get_object", {}, "GET", {}, {}),
        (
            "get_object",
            {"ResponseContentType": "image/png", "ResponseContentDisposition": 'attachment; filename="ü.png"'},
            "GET",
            {"response-content-type": "image/png", "response-content-disposition": 'attachment; filename="ü.png"'},
            {},
        ),
        ("put_object", BODY, "PUT", {}, LENGTH),
        ("put_object", BOUND, "PUT", {}, LENGTH | {"x-amz-checksum-sha256": CHECKSUM}),
        ("upload_part", BODY | PART, "PUT", {"uploadId": "up/load~1+", "partNumber": "3"}, LENGTH),
        (
            "upload_part",
            BOUND | PART,
            "PUT",
            {"uploadId": "up/load~1+", "partNumber": "3"},
            LENGTH | {"x-amz-checksum-sha256": CHECKSUM},
        ),
    ],
)
def test_urls_are_those_of_boto3(endpoint, token, operation, params, method, query, headers):
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="AKID",
        aws_secret_access_key="secret/+",
        aws_session_token=token,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    for key in KEYS:
        theirs, query_of_theirs = parts(
            client.generate_presigned_url(operation, Params={"Bucket": "data", "Key": key} | params, ExpiresIn=600)
        )
        now = datetime.strptime(query_of_theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        ours, query_of_ours = parts(
            signature_v4.presign(
                signature_v4.s3_signer("AKID", "secret/+", "eu-central-1", f"{now:%Y%m%d}"),
                method,
                endpoint,
                f"/data/{quote(key, safe='/')}",
                query=query | ({"X-Amz-Security-Token": token} if token else {}),
                now=now,
                life=timedelta(minutes=10),
                headers=headers,
            )
        )
        assert query_of_ours == query_of_theirs
        assert ours == theirs


def test_credentials_of_this_machine_sign_where_the_settings_have_none(settings, monkeypatch):
    store_connection.public.cache_clear()
    store_connection._find_ambient_credentials.cache_clear()
    settings.STORAGES = with_store_options(access_key="", secret_key="")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID-of-a-role")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    try:
        _, query = parts(storage.get_download_url("a"))
    finally:
        store_connection.public.cache_clear()
        store_connection._find_ambient_credentials.cache_clear()

    assert query["X-Amz-Credential"].startswith("AKID-of-a-role/")
    assert query["X-Amz-Security-Token"] == "token"


def test_what_is_signed_for_one_key_and_second_is_not_mistaken_for_another():
    urls = {storage.get_download_url(key, name) for key in KEYS for name in (None, "a", "b")}
    puts = {storage.get_upload_url(key, size).url for key in KEYS for size in (1, 2)}

    assert len(urls) == 3 * len(KEYS) and len(puts) == 2 * len(KEYS)
