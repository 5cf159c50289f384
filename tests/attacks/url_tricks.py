"""What somebody tries with a signed URL that was made for other bytes, another key or another method."""

import base64
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import urllib3

from artifacts.storage import SignedPut
from tests.artifacts.client import sha256

HTTP = urllib3.PoolManager(retries=False, timeout=5)


@dataclass
class Trick:
    """A request made of a signed URL."""

    name: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "PUT"
    url: str = ""
    # Any store that checks signatures refuses it: a store that does not cannot be used for anything.
    breaks_signature: bool = False


def checksum(body: bytes, algorithm: str = "sha256") -> str:
    digest = zlib.crc32(body).to_bytes(4, "big") if algorithm == "crc32" else hashlib.new(algorithm, body).digest()
    return base64.b64encode(digest).decode()


def chunked(body: bytes, trailer: bytes = b"") -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n" + trailer + b"\r\n"


def tricks(signed: SignedPut, good: bytes, elsewhere: str) -> Iterator[Trick]:
    """Everything that the holder of the URL may think of; `elsewhere` is another object, as a source of a copy."""
    evil, short = bytes(255 - byte for byte in good), good[:-1]
    given = signed.headers
    trick = partial(Trick, url=signed.url)
    yield trick("the same again", good, given)
    for name, body in {"other bytes": evil, "longer": good + b"x", "shorter": short, "nothing": b""}.items():
        yield trick(name, body, given)
        yield trick(f"{name}, no checksum header", body)
        yield trick(f"{name}, their own checksum", body, {"x-amz-checksum-sha256": checksum(body)})
        yield trick(f"{name}, their own payload hash", body, given | {"x-amz-content-sha256": sha256(body)})
        yield trick(f"{name}, unsigned payload", body, given | {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    for algorithm in ("crc32", "sha1"):
        by_another = {f"x-amz-checksum-{algorithm}": checksum(evil, algorithm)}
        yield trick(f"checked by {algorithm}", evil, by_another)
        yield trick(f"checked by {algorithm} too", evil, given | by_another)
        named = {"x-amz-sdk-checksum-algorithm": algorithm.upper()}
        yield trick(f"{algorithm} named", evil, given | named)
    yield trick("md5 of other bytes", evil, given | {"Content-MD5": checksum(evil, "md5")})
    trailer = b"x-amz-checksum-crc32:" + checksum(evil, "crc32").encode() + b"\r\n"
    for name, payload, more in (
        ("chunks", chunked(evil), {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}),
        ("trailer", chunked(evil, trailer), {"x-amz-trailer": "x-amz-checksum-crc32"}),
        ("signed chunks", chunked(evil), {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}),
    ):
        decoded = {"Content-Encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(evil))}
        yield trick(name, payload, given | decoded | more)
        yield trick(f"{name}, of the length", payload[: len(good)], given | decoded | more)
    for name, source in (("copied", elsewhere), ("copied from nowhere", f"{elsewhere}-not-there")):
        yield trick(name, b"", given | {"x-amz-copy-source": source})
        yield trick(f"{name} with a body", evil, given | {"x-amz-copy-source": source})
        a_range = {"x-amz-copy-source": source, "x-amz-copy-source-range": "bytes=0-1"}
        yield trick(f"{name}, a range", b"", given | a_range)
    for header, value in {
        "Content-Range": f"bytes 0-{len(good) - 1}/{len(good)}",
        "Range": "bytes=0-1",
        "If-Match": "*",
        "If-None-Match": "*",
        "x-amz-write-offset-bytes": "0",
        "x-amz-acl": "public-read-write",
        "x-amz-grant-full-control": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"',
        "x-amz-meta-note": "evil",
        "x-amz-tagging": "evil=1",
        "x-amz-storage-class": "GLACIER",
        "x-amz-website-redirect-location": "https://evil.example.org/",
        "x-amz-object-lock-mode": "COMPLIANCE",
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "X-HTTP-Method-Override": "DELETE",
        "Host": "evil.example.org",
        "Content-Encoding": "gzip",
        "Content-Type": "text/html",
        "Transfer-Encoding": "chunked",
    }.items():
        yield trick(f"other bytes with {header}", evil, given | {header: value})
        yield trick(f"the same with {header}", good, given | {header: value})
    for method in ("DELETE", "POST", "PATCH", "GET", "HEAD", "OPTIONS"):
        yield trick(method, evil, given, method=method)
        yield trick(f"{method} of nothing", b"", method=method)
    bare = signed.url.partition("?")[0]
    for name, url in {
        "no signature": bare,
        "a longer life": signed.url.replace("X-Amz-Expires=3600", "X-Amz-Expires=604800"),
        "fewer signed headers": signed.url.replace("x-amz-checksum-sha256", "").replace("content-length%3B", ""),
        "another key": signed.url.replace("/versions/", "/versions/../versions/"),
        "its own folder": signed.url.replace("?", "/?", 1),
        "a copy beside it": signed.url.replace("?", "~1?", 1),
        "another case": bare.upper() + signed.url.removeprefix(bare),
        "two slashes": signed.url.replace("/tests/", "/tests//"),
        "an escaped slash": signed.url.replace("/versions/", "%2Fversions/"),
        "the final key": signed.url.replace("/incoming/", "/projects/"),
        "a part": f"{signed.url}&partNumber=1&uploadId=x",
        "another part": signed.url.replace("partNumber=1", "partNumber=2"),
        "no part": signed.url.replace("partNumber=", "no="),
        "an upload in parts": f"{signed.url}&uploads=",
        "its rights": f"{signed.url}&acl=",
        "its tags": f"{signed.url}&tagging=",
        "its retention": f"{signed.url}&retention=",
        "a version of it": f"{signed.url}&versionId=null",
        "everything": f"{signed.url}&delete=",
        "the bucket": signed.url.replace(bare, bare.partition("/tests/")[0] + "/tests"),
    }.items():
        if url != signed.url:
            for method in ("PUT", "POST", "DELETE"):
                yield trick(f"{method} {name}", evil, given, method=method, url=url, breaks_signature=True)


def attempt(trick: Trick) -> int:
    """The status that the store answers, 0 where it hangs up."""
    in_chunks = "Transfer-Encoding" in trick.headers
    try:
        return HTTP.request(trick.method, trick.url, body=trick.body, headers=trick.headers, chunked=in_chunks).status
    except (urllib3.exceptions.HTTPError, ValueError):
        return 0
