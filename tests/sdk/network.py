"""Real parts of a network for the SDK: a server of our API, a proxy, and an authority that signs certificates."""

import base64
import datetime
import ipaddress
import json
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from wanllmdb.sdk.http_client import Client


class Server(ThreadingHTTPServer):
    """Listens on this machine, with TLS if it has a certificate, and remembers what it was sent."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], certificate: Path | None, host: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        """Method, target and headers of each request."""
        self.required_credentials: str | None = None
        self.refusal: int | None = None
        super().__init__((host, 0), handler)
        self.url = f"{'https' if certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{self.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust the certificate ends the connection."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class ApiHandler(Handler):
    """A server of the API that knows only `/me`."""

    def do_GET(self) -> None:
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        self.answer(200, json.dumps({"username": "bob"}).encode(), Content_Type="application/json")


class ProxyHandler(Handler):
    """Forwards requests, and makes tunnels for CONNECT."""

    def is_refused(self) -> bool:
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        expected = self.server.required_credentials
        if expected is not None:
            credentials = self.headers.get("Proxy-Authorization", "").removeprefix("Basic ")
            if base64.b64decode(credentials).decode() != expected:
                self.answer(407, b"<html>Who are you?</html>", Proxy_Authenticate='Basic realm="proxy"')
                return True
        if self.server.refusal is not None:
            self.answer(self.server.refusal, b"<html>No</html>")
            return True
        return False

    def do_GET(self) -> None:
        if self.is_refused():
            return
        parts = urlsplit(self.path)
        connection = HTTPConnection(parts.hostname or "", parts.port or 80)
        target = parts._replace(scheme="", netloc="").geturl()
        connection.request(self.command, target, headers=dict(self.headers))
        response = connection.getresponse()
        kept = {name: value for name in ("Content-Type", "ETag", "Last-Modified") if (value := response.headers[name])}
        self.answer(response.status, response.read(), **kept)
        connection.close()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.is_refused()

    def do_CONNECT(self) -> None:
        if self.is_refused():
            return
        self.close_connection = True
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as upstream:
            self.send_response(200)
            self.end_headers()
            ends = [self.connection, upstream]
            while True:
                # What TLS has decrypted already is not seen by `select`.
                pending = isinstance(self.connection, ssl.SSLSocket) and self.connection.pending()
                readable = [self.connection] if pending else select.select(ends, [], [])[0]
                for end in readable:
                    data = end.recv(65536)
                    if not data:
                        return
                    (upstream if end is self.connection else self.connection).sendall(data)


@contextmanager
def serve(
    handler: type[BaseHTTPRequestHandler], certificate: Path | None = None, host: str = "127.0.0.1"
) -> Iterator[Server]:
    with Server(handler, certificate, host) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Authority:
    """Signs certificates of servers. `path` is its own certificate, in PEM format."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = (
            self._builder(self.name, self.key.public_key(), days=1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *hosts: str, days: int = 1) -> Path:
        """A file with key and certificate for these names or addresses; with negative days it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [
            x509.IPAddress(ipaddress.ip_address(host)) if host[-1].isdigit() else x509.DNSName(host) for host in hosts
        ]
        certificate = (
            self._builder(x509.Name([]), key.public_key(), days)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        path = self.directory / f"server{len(list(self.directory.iterdir()))}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=9))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )


def me(url: str) -> str:
    """Who the server says that we are."""
    client = Client(url, "wllm_x")
    try:
        return client.get("/me")["username"]
    finally:
        client.close()
