"""Signed URLs: the same that boto3 makes, and what real stores answer to them."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone

from artifacts.references import presigned_urls
from artifacts.references.credentials import AccessKey, AccountKey, ServiceAccount
from artifacts.references.presigned_urls import StoredAt
from artifacts.references.uris import Provider
from harness import reference_servers, servers
from harness.reference_servers import AZURE_ACCOUNT, AZURE_KEY
from tests.artifacts.client import HTTP

KEYS = ("a.txt", "b c+%/ü~*'().txt", "a//b", "why?x=1&y#z", "-_./~")
ACCESS = AccessKey("AKID", "secret/+", "token/+=")


def parts(url: str) -> tuple[str, dict[str, str]]:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}{split.path}", dict(parse_qsl(split.query, strict_parsing=True))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("endpoint", "bucket", "region"),
    [
        ("", "data", "eu-central-1"), ("", "data.set", ""), ("", "Old_Data", ""),
        ("http://127.0.0.1:8333", "data", "us-east-1"), ("https://minio.example.org:443", "data", "us-east-1"),
    ],
)  # fmt: skip
def test_urls_of_s3_are_those_of_boto3(endpoint, bucket, region, method):
    style = "path" if endpoint else "virtual"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=region or "us-east-1",
        aws_access_key_id=ACCESS.access_key_id,
        aws_secret_access_key=ACCESS.secret_access_key,
        aws_session_token=ACCESS.session_token,
        config=Config(
            signature_version="s3v4", s3={"addressing_style": style, "us_east_1_regional_endpoint": "regional"}
        ),
    )
    for key in KEYS:
        theirs = client.generate_presigned_url(
            f"{method.lower()}_object", Params={"Bucket": bucket, "Key": key, "VersionId": "v/1+"}, ExpiresIn=3600
        )
        path, query = parts(theirs)
        now = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        ours = presigned_urls.read_url(
            StoredAt(Provider.S3, bucket, key, endpoint, region, "", "v/1+"), ACCESS, method=method, now=now
        )
        assert parts(ours)[1] == query and parts(ours)[0].rpartition("amazonaws")[2] == path.rpartition("amazonaws")[2]


def test_urls_of_google_are_signed_by_the_service_account():
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    access = ServiceAccount("robot@acme.iam.gserviceaccount.com", pem)
    stored = StoredAt(Provider.GCS, "data", "a b/c.txt", version_id="1700000000000000")
    url = presigned_urls.read_url(stored, access, now=datetime(2026, 1, 31, 9, 30, tzinfo=UTC))

    signed, _, signature = url.partition("&X-Goog-Signature=")
    query = (
        "X-Goog-Algorithm=GOOG4-RSA-SHA256"
        "&X-Goog-Credential=robot%40acme.iam.gserviceaccount.com%2F20260131%2Fauto%2Fstorage%2Fgoog4_request"
        "&X-Goog-Date=20260131T093000Z&X-Goog-Expires=3600&X-Goog-SignedHeaders=host&generation=1700000000000000"
    )
    assert signed == f"https://storage.googleapis.com/data/a%20b/c.txt?{query}"
    request = f"GET\n/data/a%20b/c.txt\n{query}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD"
    digest = Hash(SHA256())
    digest.update(request.encode())
    scope = "20260131/auto/storage/goog4_request"
    text = f"GOOG4-RSA-SHA256\n20260131T093000Z\n{scope}\n{digest.finalize().hex()}"
    key.public_key().verify(bytes.fromhex(signature), text.encode(), PKCS1v15(), SHA256())
    assert "PRIVATE" not in repr(access) and pem not in str(access)


def status(url: str, method: str = "GET") -> int:
    return HTTP.request(method, url).status


def test_the_store_answers_for_an_hour_to_one_method():
    bucket = reference_servers.s3_bucket()
    for key in KEYS[:2]:
        bucket.put(key, b"bytes")
        stored = StoredAt(Provider.S3, bucket.uri[5:], key, bucket.env["AWS_ENDPOINT_URL_S3"])
        access = AccessKey(bucket.env["AWS_ACCESS_KEY_ID"], bucket.env["AWS_SECRET_ACCESS_KEY"])
        url = presigned_urls.read_url(stored, access, file_name="ü.txt")
        assert HTTP.request("GET", url).data == b"bytes" and status(url, "HEAD") == 403
        assert status(presigned_urls.read_url(stored, access, method="HEAD"), "HEAD") == 200
        assert status(presigned_urls.read_url(stored, access, now=timezone.now() - timedelta(minutes=61))) == 403
        assert status(presigned_urls.read_url(stored, AccessKey("other", "secret"))) == 403
        assert status(presigned_urls.read_url(stored, None)) == 403


def test_a_version_is_read_after_the_object_was_replaced():
    bucket = reference_servers.s3_bucket(is_versioned=True)
    first = bucket.put("a.txt", b"first")["VersionId"]
    bucket.put("a.txt", b"second")
    access = AccessKey(bucket.env["AWS_ACCESS_KEY_ID"], bucket.env["AWS_SECRET_ACCESS_KEY"])
    endpoint = servers.session_env()["S3_ENDPOINT_URL"]

    pinned = StoredAt(Provider.S3, bucket.uri[5:], "a.txt", endpoint, version_id=first)
    assert HTTP.request("GET", presigned_urls.read_url(pinned, access)).data == b"first"
    newest = StoredAt(Provider.S3, bucket.uri[5:], "a.txt", endpoint)
    assert HTTP.request("GET", presigned_urls.read_url(newest, access)).data == b"second"


def test_azure_answers_to_its_own_kind_of_signature():
    bucket = reference_servers.azure_container()
    bucket.put("folder/b c ü.txt", b"bytes")
    stored = StoredAt(
        Provider.AZURE, bucket.uri[5:], "folder/b c ü.txt", reference_servers.azurite().url, account=AZURE_ACCOUNT
    )
    access = AccountKey(AZURE_KEY)
    url = presigned_urls.read_url(stored, access, file_name="c.txt")
    answer = HTTP.request("GET", url)
    assert (answer.status, answer.data) == (200, b"bytes")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="c.txt"'
    assert status(url, "HEAD") == 200
    assert status(presigned_urls.read_url(stored, access, now=timezone.now() - timedelta(minutes=61))) == 403
    assert status(presigned_urls.read_url(stored, AccountKey("c2VjcmV0"))) == 403
    assert status(presigned_urls.read_url(stored, None)) in (403, 404, 409)
