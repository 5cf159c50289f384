"""Every listener of the stack, asked by another account of the machine: it gives nothing and lets nothing happen."""

import itertools
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from deploy import ports, runtime_directory, var_directory
from harness import listeners, servers
from tests.e2e.conftest import wait_until

# Whoever attacks is not the stack's owner where that can be had: only root can become somebody else.
STRANGER: dict[str, Any] = {}
if os.getuid() == 0:
    nobody = pwd.getpwnam("nobody")
    STRANGER = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
# A stranger may not run a Python in somebody's home directory.
PYTHON = shutil.which("python3", path=os.defpath) or sys.executable
# What deletes, lists, reads or writes somewhere in the store's servers, and what a browser can be led to.
PATHS = [
    *("/", "/status", "/ui/index.html", "/cluster/status", "/cluster/raft/status", "/metrics", "/health", "/admin"),
    *("/col/delete?collection={bucket}", "/vol/vacuum", "/vol/grow?count=1", "/vol/status", "/dir/status", "/submit"),
    *("/dir/assign", "/dir/assign?collection={bucket}", "/dir/lookup?volumeId=1", "/dir/lookup?collection={bucket}"),
    *(
        "/raft/stats",
        "/cluster/leave?peer=127.0.0.1",
        "/stats/counter",
        "/stats/memory",
        "/stats/disk",
        "/debug/pprof/",
    ),
    *("/buckets/", "/buckets/{bucket}/", "/buckets/{bucket}/kept", "/buckets/{bucket}?recursive=true", "/topics/"),
    *("/1,0100000000", "/2,0100000000", "/3,0100000000?collection={bucket}", "/{bucket}", "/{bucket}/kept", "/kv/x"),
    *("/{bucket}?delete", "/{bucket}/?list-type=2", "/?Action=ListUsers&Version=2010-05-08", "/api/v1/files", "/login"),
    *("/object-store/buckets", "/cluster/volumes", "/files", "/plugin", "/maintenance", "/.uploads/"),
]
SERVERS = ["s3", "filer", "master", "volume", "admin"]
# The version, that it is up, and how full it is.
HARMLESS = {
    *(("s3", "/status"), ("volume", "/status"), ("admin", "/metrics"), ("admin", "/health")),
    *(("master", "/"), ("master", "/ui/index.html"), ("master", "/cluster/status")),
}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
# Python's own modules alone: it runs as somebody else, with the system's Python.
ASK = """
import http.client, json, sys
answers = []
for port, method, path in json.load(sys.stdin):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=b"" if method in ("POST", "PUT") else None)
        response = connection.getresponse()
        answers.append([response.status, response.read(100_000).decode("latin-1")])
    except (OSError, http.client.HTTPException) as error:
        answers.append([0, repr(error)])
    finally:
        connection.close()
json.dump(answers, sys.stdout)
"""
# The beginning of HTTP/2, as all gRPC: with no TLS, with TLS and no certificate, with one that somebody else issued.
ASK_GRPC = r"""
import json, socket, ssl, sys
OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
request = json.load(sys.stdin)
def ask(port, context, certificate=None):
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=5)
        if context:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            connection = context.wrap_socket(connection)
        connection.sendall(OPENING)
        return len(connection.recv(1000))
    except OSError as error:
        return type(error).__name__
answers = {}
for port in request["ports"]:
    with_other = ssl.create_default_context()
    with_other.load_cert_chain(request["certificate"])
    answers[port] = [ask(port, None), ask(port, ssl.create_default_context()), ask(port, with_other)]
json.dump(answers, sys.stdout)
"""
CONNECT = """
import json, socket, sys
reached = []
for path in json.load(sys.stdin):
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
            reached.append(path)
        except OSError:
            pass
json.dump(reached, sys.stdout)
"""


@pytest.fixture(scope="module")
def env() -> dict[str, str]:
    """The store's, which holds an object named `kept`."""
    env = servers.session_env()
    servers.store().start()
    servers.s3(env).put_object(Bucket=env["S3_BUCKET"], Key="kept", Body=b"kept" * 100_000)
    return env


@pytest.fixture(autouse=True)
def bytes_remain(env) -> Iterator[None]:
    yield
    body = servers.s3(env).get_object(Bucket=env["S3_BUCKET"], Key="kept")["Body"].read()
    assert body == b"kept" * 100_000


@pytest.fixture(scope="module")
def open_ports(env) -> set[int]:
    """All that the store's process listens on, as the system tells it, not as we believe. Its last server is slow."""
    wait_until(lambda: len(listeners.tcp_ports(servers.store().pids)) >= 2 * ports.STORE_PORT_COUNT)
    return listeners.tcp_ports(servers.store().pids)


def as_stranger(script: str, request: object) -> list | dict:
    done = subprocess.run(
        [PYTHON, "-I", "-c", script],
        input=json.dumps(request),
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        **STRANGER,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_ports_are_those_that_we_know(env, open_ports):
    first = int(env["STORE_PORT"])
    expected = range(first, first + ports.STORE_PORT_COUNT)
    assert open_ports == {*expected, *(port + ports.GRPC_PORT_OFFSET for port in expected)}


def test_http_gives_nothing_and_changes_nothing(env, open_ports):
    first, bucket = int(env["STORE_PORT"]), env["S3_BUCKET"]
    requests = [
        (port, method, path.format(bucket=bucket))
        for port in sorted(open_ports & set(range(first, first + ports.STORE_PORT_COUNT)))
        for method, path in itertools.product(METHODS, PATHS)
    ]
    answers = as_stranger(ASK, requests)
    given = {
        (SERVERS[port - first], path.partition("?")[0]): body
        for (port, method, path), (status, body) in zip(requests, answers, strict=True)
        if 0 < status < 400 and method != "OPTIONS"
    }
    assert set(given) <= HARMLESS
    assert [source for source, body in given.items() if "kept" in body or f"/{bucket}" in body] == []


def test_grpc_wants_a_certificate_of_the_stack(env, open_ports):
    inner = sorted(port for port in open_ports if port >= ports.STORE_PORTS.start + ports.GRPC_PORT_OFFSET)
    assert len(inner) == ports.STORE_PORT_COUNT
    certificate = servers.session_directory() / "other.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    certificate.chmod(0o644)
    answers = as_stranger(ASK_GRPC, {"ports": inner, "certificate": str(certificate)})
    for port, answered in answers.items():
        # Closed without a byte, or refused in the handshake.
        assert all(answer == 0 or isinstance(answer, str) for answer in answered), (port, answered)


def test_the_shell_of_the_store_gets_in_with_the_certificate_alone(env):
    tls = ("-config_dir", str(Path(env["WANLLMDB_VAR_DIR"]) / "store-tls"))
    bucket = env["S3_BUCKET"]
    assert f'collection:"{bucket}"' in shell(env, "collection.list", *tls)
    for command in ("collection.list", "fs.ls /buckets", f"collection.delete -collection {bucket} -apply"):
        assert bucket not in shell(env, command, **STRANGER)


def shell(env: dict[str, str], command: str, *options: str, **account: Any) -> str:
    """What the store's own shell says. Without a certificate it waits, and is ended."""
    filer, master = int(env["STORE_PORT"]) + 1, int(env["STORE_PORT"]) + 2
    grpc = ports.GRPC_PORT_OFFSET
    weed = str(shutil.which("weed", path=env["PATH"]))
    arguments = [f"-master=127.0.0.1:{master}.{master + grpc}", f"-filer=127.0.0.1:{filer}.{filer + grpc}"]
    done = subprocess.run(
        ["timeout", "5", weed, *options, "shell", *arguments],
        input=f"lock\n{command}\n",
        cwd="/",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        **account,
    )
    return done.stdout


def test_sockets_in_the_file_system_are_for_their_owner(env):
    paths = listeners.unix_paths(servers.store().pids)
    assert paths
    closed = [path for path in paths if not stat.S_IMODE(Path(path).stat().st_mode) & 0o077]
    assert sorted(closed) == sorted(paths)
    if STRANGER:
        assert as_stranger(CONNECT, sorted(paths)) == []


def test_what_lets_one_in_is_for_its_owner(env):
    var = Path(env["WANLLMDB_VAR_DIR"])
    secrets = [var / "embedded.env", var / "s3.json", *(var / "store-tls").iterdir()]
    assert len(secrets) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE((var / "store-tls").stat().st_mode) == stat.S_IMODE(var.stat().st_mode) == 0o700


def test_all_of_it_is_on_this_machine_only(env):
    assert {ip for ip, _ in listeners.tcp(servers.store().pids)} == {"127.0.0.1"}


def test_a_store_from_before_its_ports_were_closed_keeps_its_data(tmp_path):
    """It was started without certificates, and with its HTTP on."""
    var = tmp_path / "var"
    var_directory.create(var)
    env = servers.session_env() | var_directory.prepare_environment(var, str(servers.free_port()))
    env |= {"WANLLMDB_VAR_DIR": str(var), "S3_BUCKET": "before"}
    line = servers.PROCFILE["store"]
    former = line.replace("-disableHttp ", "").replace('-config_dir="$WANLLMDB_VAR_DIR/store-tls" ', "")
    assert len(former) < len(line) - 50
    content = os.urandom(3_000_000)
    for name, command in (("store-former", former), ("store-present", line)):
        store = servers.store_server(name, command, env)
        store.start()
        if name == "store-former":
            servers.s3(env).put_object(Bucket="before", Key="kept", Body=content)
        assert servers.s3(env).get_object(Bucket="before", Key="kept")["Body"].read() == content
        store.stop()


def test_a_runtime_directory_that_somebody_else_made_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    deep = tmp_path / ("deep" * 25)
    made = runtime_directory.create(deep)
    assert len(str(made / "filer.sock")) < 108
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.rmdir()
    made.symlink_to(tmp_path)
    with pytest.raises(SystemExit, match="belongs to somebody else"):
        runtime_directory.create(deep)
