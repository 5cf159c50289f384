"""`make stack`: a team's first day with it. The tests of this module are one story, told in order."""

import json
import os
import secrets
import signal
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

import wanllmdb as wandb
from deploy import child_processes, launcher
from deploy.ports import GRPC_PORT_OFFSET, STORE_PORT_COUNT
from deploy.stack.__main__ import AUTHORITY
from deploy.var_directory import read_env
from harness import listeners, servers
from tests.attacks.test_inner_ports import CONNECT, PYTHON, STRANGER
from tests.e2e.conftest import Terminal, wait_until
from tests.notifications.receiver import Receiver
from wanllmdb.sdk.http_client import Client

pytestmark = pytest.mark.timeout(900)
DATA = ["postgres", "redis", "store"]
PROCESSES = {"front", "web-1", "web-2", "worker-1", "worker-2", "notifications", "beat", *DATA}


@pytest.fixture(scope="module")
def var() -> Path:
    """Where PostgreSQL, which may be another account, passes through."""
    return servers.session_directory() / "team"


@pytest.fixture(scope="module")
def make_stack(clone: Path, var: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Terminal]]:
    screens = tmp_path_factory.mktemp("screens")
    started: list[Terminal] = []

    def type_it(**environment: str) -> Terminal:
        started.append(Terminal(clone, var, screens / str(len(started)), "stack", **environment))
        return started[-1]

    yield type_it
    for terminal in started:
        if terminal.process.poll() is None:
            terminal.press_ctrl_c()
    child_processes.terminate_all(var, 10)


@pytest.fixture(scope="module")
def first(make_stack) -> Terminal:
    # Where what webhooks call is on this machine.
    return make_stack(WEBHOOK_PRIVATE_NETWORKS="127.0.0.0/8").wait_for_banner()


@pytest.fixture(autouse=True)
def environment(first, monkeypatch, tmp_path):
    """What a colleague has set: where the server is, the key, and the authority to trust."""
    monkeypatch.setenv("WANLLMDB_BASE_URL", first.credentials["base_url"])
    monkeypatch.setenv("WANLLMDB_API_KEY", first.credentials["api_key"])
    monkeypatch.setenv("SSL_CERT_FILE", str(first.var / AUTHORITY))
    monkeypatch.chdir(tmp_path)


def find_pids(running: Terminal) -> dict[str, int]:
    """The first process of each of the supervisor's."""
    pids: dict[str, int] = {}
    for pid in sorted(running.processes):
        with suppress(OSError):
            variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
            names = [line.partition("=")[2] for line in variables if line.startswith("SUPERVISOR_PROCESS_NAME=")]
            pids |= {name: pid for name in names if name not in pids}
    return pids


def is_whole(running: Terminal) -> bool:
    browser = launcher.opener(running.var / AUTHORITY)
    with suppress(OSError), browser.open(f"{running.credentials['base_url']}/readyz", timeout=10) as ready:
        return set(json.load(ready).values()) == {"ok"} and set(find_pids(running)) >= PROCESSES
    return False


def log(running: Terminal, content: bytes) -> str:
    with wandb.init(project=f"{running.credentials['username']}/team") as run:
        artifact = wandb.Artifact("data", "dataset")
        with artifact.new_file("data.bin", "wb") as file:
            file.write(content)
        return str(run.log_artifact(artifact).wait().version)


def check_bytes(running: Terminal, version: str, content: bytes, into: Path) -> None:
    artifact = wandb.Api().artifact(f"{running.credentials['username']}/team/data:{version}")
    assert (Path(artifact.download(into / version)) / "data.bin").read_bytes() == content


def test_it_starts_all_parts_and_runs_the_smoke_test(first):
    assert set(find_pids(first)) >= PROCESSES
    steps = [line for line in first.output.splitlines() if line.startswith("Smoke test: ")]
    assert len(steps) == 7
    assert [line for line in steps if ": ok (" not in line] == []
    assert "Traceback" not in first.output


def test_it_runs_on_postgres_and_redis(first):
    environment = read_env(first.var / "embedded.env")
    assert environment["DATABASE_URL"].startswith("postgres://wanllmdb@/wanllmdb?host=/")
    assert environment["CELERY_BROKER_URL"].startswith("redis+socket:///")
    assert not (first.var / "db.sqlite3").exists()


def test_it_is_reached_by_tls_under_its_own_authority_alone(first):
    url = f"{first.credentials['base_url']}/healthz"
    with pytest.raises(urllib.error.URLError) as refusal:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # Trusts nobody.
        urllib.request.build_opener(urllib.request.HTTPSHandler(context=context)).open(url, timeout=10)
    assert isinstance(refusal.value.reason, ssl.SSLCertVerificationError)
    for name in (url, url.replace("localhost", "127.0.0.1")):
        with launcher.opener(first.var / AUTHORITY).open(name, timeout=10) as answer:
            assert answer.read() == b"ok\n"


def test_bytes_go_over_tls_too(first):
    version = log(first, b"over TLS")
    check_bytes(first, version, b"over TLS", Path())
    [entry] = wandb.Api().artifact(f"{first.credentials['username']}/team/data:{version}").manifest.entries.values()
    store = read_env(first.var / "embedded.env")["S3_PUBLIC_ENDPOINT_URL"]
    assert store.startswith("https://localhost:")
    assert entry.size == len(b"over TLS")


def test_a_webhook_is_sent_and_bears_our_signature(first):
    client = Client(first.credentials["base_url"], first.credentials["api_key"])
    project = next(one for one in wandb.Api().projects() if one.name == "team")
    receiver = Receiver()
    try:
        sent = {"url": receiver.url, "events": ["version.finalized"]}
        hook = client.post(f"/projects/{project.id}/webhooks", sent)
        version = log(first, secrets.token_bytes(1000))
        wait_until(lambda: receiver.sent)
    finally:
        client.delete(f"/webhooks/{hook['id']}")
        receiver.close()
    event = receiver.sent[0].verify(hook["secret"])
    assert (event["type"], event["data"]["to"]["version"]) == ("version.finalized", version)


def test_it_listens_only_where_we_know_and_no_socket_is_for_others(first):
    """What answers at each port of the store is in tests/attacks/test_inner_ports.py."""
    environment = read_env(first.var / "embedded.env")
    port, store_tls_port, store_port = (int(environment[name]) for name in ("PORT", "STORE_TLS_PORT", "STORE_PORT"))
    of_store = range(store_port, store_port + STORE_PORT_COUNT)
    expected = {port, store_tls_port, *of_store, *(inner + GRPC_PORT_OFFSET for inner in of_store)}
    assert listeners.tcp(first.processes) == {("127.0.0.1", number) for number in expected}
    sockets = [path for name in listeners.unix_paths(first.processes) if (path := Path(name)).exists()]
    assert {"web-1.sock", "web-2.sock", "redis.sock", ".s.PGSQL.5432"} <= {path.name for path in sockets}
    assert [str(path) for path in sockets if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    if STRANGER:
        paths = json.dumps([str(path) for path in sockets])
        connected = subprocess.run(
            [PYTHON, "-c", CONNECT], input=paths, capture_output=True, text=True, cwd="/", **STRANGER
        )
        assert json.loads(connected.stdout) == []


def test_what_it_keeps_is_for_its_owner_alone(first):
    """The directory itself may be passed through: PostgreSQL must, when it is another account."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in first.var.iterdir()}
    assert not {name: oct(mode) for name, mode in modes.items() if mode & 0o077}
    assert not stat.S_IMODE(first.var.stat().st_mode) & 0o066


@pytest.mark.parametrize("name", ["web-1", "web-2", "worker-1"])
def test_it_goes_on_without_one_of_two(first, name, tmp_path):
    """At once, and without a word: the SDK tries again, and another process answers meanwhile."""
    wait_until(lambda: is_whole(first))
    killed = find_pids(first)[name]
    os.kill(killed, signal.SIGKILL)
    content = secrets.token_bytes(50_000)
    check_bytes(first, log(first, content), content, tmp_path)
    wait_until(lambda: find_pids(first).get(name) not in (None, killed))
    wait_until(lambda: f"The process `{name}` runs again." in first.output)


@pytest.mark.parametrize("name", ["front", "notifications", "beat", *DATA])
def test_what_there_is_one_of_comes_back_with_all_data(first, name, tmp_path):
    content = secrets.token_bytes(50_000)
    version = log(first, content)
    killed = find_pids(first)[name]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: find_pids(first).get(name) not in (None, killed))
    wait_until(lambda: is_whole(first))
    check_bytes(first, version, content, tmp_path)
    check_bytes(first, log(first, content[:-1]), content[:-1], tmp_path)


def test_a_second_one_in_the_same_directory_says_so(first, make_stack):
    second = make_stack()
    assert second.wait_for_end() != 0
    assert "already runs in" in second.output
    assert "Traceback" not in second.output


def test_ctrl_c_stops_everything(first):
    before = len(first.output)
    first.press_ctrl_c()
    assert not first.processes
    assert "`make stack` goes on from here" in first.output
    assert "Traceback" not in first.output[before:]


def test_the_next_start_keeps_everything_and_the_smoke_test_runs_alone(first, make_stack, clone):
    before = first.credentials
    again = make_stack().wait_for_banner()
    assert again.credentials == before
    assert not [name for name in ("password", "api_key") if before[name] in again.output]
    assert "Smoke test" not in again.output
    check_bytes(again, "v1", b"over TLS", Path())
    environment = {"PATH": os.environ["PATH"], "WANLLMDB_VAR_DIR": str(again.var)}
    tried = subprocess.run(
        [sys.executable, "-m", "deploy.stack.smoke_test"], cwd=clone, env=environment, capture_output=True, text=True
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr
    again.press_ctrl_c()
    assert not again.processes


def test_it_has_the_name_the_ip_and_the_certificate_that_it_is_given(first, make_stack, tmp_path):
    host, authority = "wanllmdb.example.org", tmp_path / "authority.crt"
    issuer = trustme.CA()
    issuer.cert_pem.write_to_path(str(authority))
    certificate = issuer.issue_cert(host)
    certificate.private_key_pem.write_to_path(str(tmp_path / "key"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "crt"))
    front = {"FRONT_HOST": host, "FRONT_BIND": "127.0.0.2", "FRONT_TLS": f"{tmp_path / 'crt'} {tmp_path / 'key'}"}
    named = make_stack(**front).wait_for_banner()
    environment = read_env(first.var / "embedded.env")
    server, store = (f"https://{host}:{environment[name]}" for name in ("PORT", "STORE_TLS_PORT"))
    assert named.credentials["base_url"] == server
    assert environment["S3_PUBLIC_ENDPOINT_URL"] == store
    for url, status in {f"{server}/api/v1/me": "200", f"{store}/wanllmdb/none": "403"}.items():
        command = ["curl", "-sS", "--noproxy", "*", "--cacert", str(authority), "-o", "/dev/null", "-w", "%{http_code}"]
        command += ["--resolve", f"{host}:{urlsplit(url).port}:127.0.0.2"]
        command += ["-H", f"Authorization: Bearer {named.credentials['api_key']}", url]
        answer = subprocess.run(command, capture_output=True, text=True)
        assert answer.stdout == status, answer.stderr
    ports = {int(environment[name]) for name in ("PORT", "STORE_TLS_PORT")}
    listening = listeners.tcp(named.processes)
    assert {port for ip, port in listening if ip == "127.0.0.2"} == ports
    assert not {port for ip, port in listening if ip == "127.0.0.1"} & ports
    named.press_ctrl_c()
