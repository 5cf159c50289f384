"""What the answer to a HEAD says of an object: that it is what it was, that it is not, or nothing."""

import pytest

from artifacts.references import inspection
from core import guarded_http
from tests.artifacts.client import md5, sha256

MD5 = "XUFAKrxLKna5cZ2REBfFkg=="
SHA256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
HALF_PAST = "Sat, 31 Jan 2026 09:30:00 GMT"


@pytest.mark.parametrize(
    ("headers", "identity", "version_id", "size", "state"),
    [
        ({"etag": '"a"'}, "etag:a", "", 0, "unchanged"), ({"etag": 'W/"a"'}, "etag:W/a", "", 0, "unchanged"),
        ({"etag": '"a"'}, "etag:W/a", "", 0, "unchanged"), ({"etag": '"b"'}, "etag:a", "", 0, "changed"),
        ({}, "etag:a", "", 0, None), ({"etag": '"a"', "content-length": "4"}, "etag:a", "", 5, "changed"),
        ({"etag": '"a"', "content-length": "4", "content-encoding": "gzip"}, "etag:a", "", 5, "unchanged"),
        ({"etag": '"a"', "content-length": "x"}, "etag:a", "", 5, "unchanged"),
        ({"etag": '"a"', "content-length": "9" * 5000}, "etag:a", "", 5, "unchanged"),
        ({"etag": '"a"', "x-amz-version-id": "2"}, "etag:a", "1", 0, "changed"),
        ({"etag": '"a"', "x-goog-generation": "1"}, "etag:a", "1", 0, "unchanged"),
        ({"etag": f'"{md5(b"x")}"'}, f"md5:{md5(b'x')}", "", 0, "unchanged"),
        # It may be the hash of an encrypted object, or of parts.
        ({"etag": f'"{md5(b"y")}"'}, f"md5:{md5(b'x')}", "", 0, None),
        ({"content-md5": MD5}, f"md5:{md5(b'hello')}", "", 0, "unchanged"),
        ({"x-goog-hash": f"crc32c=mnG7TA==,md5={MD5}"}, f"md5:{md5(b'x')}", "", 0, "changed"),
        ({"x-amz-checksum-sha256": SHA256}, f"sha256:{sha256(b'hello')}", "", 0, "unchanged"),
        ({"x-amz-checksum-sha256": f"{SHA256}-2"}, f"sha256:{sha256(b'hello')}", "", 0, None),
        ({"last-modified": HALF_PAST}, "modified:2026-01-31T09:30:00Z", "", 0, "unchanged"),
        ({"last-modified": HALF_PAST}, "modified:2026-01-31T09:30:00.5+00:00", "", 0, "unchanged"),
        ({"last-modified": "Sat, 31 Jan 2026 09:30:01 GMT"}, "modified:2026-01-31T09:30:00Z", "", 0, "changed"),
        ({"last-modified": "yesterday"}, "modified:2026-01-31T09:30:00Z", "", 0, None), ({}, "", "", 0, None),
        ({"content-length": "4"}, "", "", 5, "changed"),
    ],
)  # fmt: skip
def test_what_a_response_says(headers, identity, version_id, size, state):
    response = guarded_http.Response(200, "", "", 1, None, headers)
    found = inspection.judge(response, inspection.Recorded(identity, version_id, size))
    assert found.state == state and bool(found.reason) == (state is None)


@pytest.mark.parametrize(
    ("status", "headers", "state"),
    [
        (404, {}, "missing"), (410, {}, "missing"), (405, {"x-amz-delete-marker": "true"}, "missing"),
        (401, {}, "denied"), (403, {}, "denied"), (405, {}, None), (500, {}, None), (429, {}, None), (304, {}, None),
        (301, {}, None), (None, {}, None),
    ],
)  # fmt: skip
def test_what_a_status_says(status, headers, state):
    response = guarded_http.Response(status, "", "" if status else "The server is away.", 1, None, headers)
    found = inspection.judge(response, inspection.Recorded("etag:a", "", 0))
    assert found.state == state and len(found.reason) <= 200


@pytest.mark.parametrize(
    ("headers", "described"),
    [
        ({"etag": '"a"', "content-length": "5"}, ("etag:a", "", 5)),
        ({"etag": '"a"', "content-length": "5", "content-encoding": "gzip"}, ("etag:a", "", 0)),
        ({"etag": '"a"', "content-length": "9" * 20}, ("etag:a", "", 0)),
        ({"etag": '"a"', "x-amz-version-id": "null"}, ("etag:a", "", 0)),
        ({"etag": '"a"', "x-amz-version-id": "a b"}, ("", "", 0)), ({"etag": f'"{"x" * 400}"'}, ("", "", 0)),
        ({"etag": '"a"', "last-modified": "Sat, 31 Jan 2026 09:30:00 GMT"}, ("etag:a", "", 0)),
        ({"last-modified": "Sat, 31 Jan 2026 10:30:00 +0100"}, ("modified:2026-01-31T09:30:00Z", "", 0)),
        ({"last-modified": "yesterday"}, ("", "", 0)), ({}, ("", "", 0)),
    ],
)  # fmt: skip
def test_what_a_response_says_of_an_object(headers, described):
    found = inspection.describe(guarded_http.Response(200, "", "", 1, headers=headers))
    assert found[:3] == described and bool(found.reason) == (not found.identity)
