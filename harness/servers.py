"""The real parts that the tests run on: PostgreSQL, Redis, the object store, and a whole running wanLLMDB.

Each is started when first asked for, on free ports of 127.0.0.1, and ended with the session, whatever ends it.
"""

import hashlib
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path

import boto3
import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy import ports, runtime_directory, var_directory
from deploy.procfile import read_procfile
from harness.server_process import ROOT as ROOT
from harness.server_process import Server as Server
from harness.server_process import died as died
from harness.server_process import free_port as free_port
from harness.server_process import session_directory as session_directory

PROCFILE = read_procfile()
# The web server, and the front before it as its child, which ends with it.
WEB = f"python -m deploy.process front Procfile & {PROCFILE['web']}"
# Of the shell that runs the tests; a server of the session is told all it needs.
SERVER_VARIABLES = (
    "WANLLMDB_", "S3_", "STORE_", "CELERY_", "DATABASE_", "WEED_", "DJANGO_", "EMAIL_", "WEBHOOK_", "BASE_URL", "PORT",
    "REFERENCE_",
)  # fmt: skip


@cache
def session_env() -> dict[str, str]:
    """The environment that Django and all servers of the session get. With it are the database and broker chosen:

    `TEST_DATABASE=postgres` means PostgreSQL and Redis, as a scaled-out server has them; `sqlite`, or nothing, means
    SQLite and the filesystem, as the embedded one has.
    """
    var = session_directory() / "var"
    var_directory.create(var)
    env = {name: value for name, value in os.environ.items() if not name.startswith(SERVER_VARIABLES)}
    env |= var_directory.prepare_environment(var, str(free_port()))
    env |= {
        "DJANGO_SETTINGS_MODULE": "wanllmdb.settings",
        "WANLLMDB_VAR_DIR": str(var),
        "S3_BUCKET": "tests",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        # No key, cache or setting of the person who runs the tests.
        "XDG_CONFIG_HOME": str(session_directory() / "config"),
        "XDG_CACHE_HOME": str(session_directory() / "cache"),
    }
    if on_postgres():
        env |= {"DATABASE_URL": f"{postgres()}/postgres", "CELERY_BROKER_URL": f"{redis()}/0"}
    return env


def on_postgres() -> bool:
    chosen = os.environ.get("TEST_DATABASE", "sqlite")
    if chosen not in ("sqlite", "postgres"):
        raise RuntimeError(f"TEST_DATABASE is {chosen!r}: say sqlite or postgres.")
    return chosen == "postgres"


@cache
def postgres() -> str:
    """A PostgreSQL server of our own, without the care for the disk that tests need not pay for. Its URL."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed: `make test` does that.")
    data, port = session_directory() / "postgres", free_port()
    user = "postgres" if os.getuid() == 0 else None
    data.mkdir(mode=0o700)
    if user:
        shutil.chown(data, user, user)
    subprocess.run(
        [programs / "initdb", "--pgdata", data, "--username=wanllmdb", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        check=True,
        cwd=session_directory(),
        stdout=subprocess.DEVNULL,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 200}
    options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    command = [str(programs / "postgres"), "-D", str(data), *(f"--{name}={value}" for name, value in options.items())]
    url = f"postgres://wanllmdb@127.0.0.1:{port}"

    def ready() -> bool:
        try:
            psycopg.connect(f"{url}/postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    # PostgreSQL waits for its clients on SIGTERM, and does not on SIGINT.
    Server("postgres", command, os.environ, ready, user=user, stop_signal=signal.SIGINT).start()
    return url


def create_database(name: str, path: Path) -> str:
    """A new database with all tables, of this name in PostgreSQL or at this path. Its URL."""
    template = _migrated_database()
    if on_postgres():
        with psycopg.connect(f"{postgres()}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE migrated')
        return f"{postgres()}/{name}"
    shutil.copy(template, path)
    return f"sqlite:///{path}"


@cache
def _migrated_database() -> Path:
    """What other databases are copies of: all migrations take as long as hundreds of tests. With SQLite, its file.

    That file stays for the sessions to come, as long as no migration changes.
    """
    if on_postgres():
        with psycopg.connect(f"{postgres()}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE migrated")
        _migrate(f"{postgres()}/migrated")
        return Path()
    kept = ROOT / "var/tests" / f"migrated-{_migrations_digest()}.sqlite3"
    if not kept.exists():
        path = session_directory() / kept.name
        _migrate(f"sqlite:///{path}")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept.parent.mkdir(parents=True, exist_ok=True)
        for former in set(kept.parent.glob("migrated-*.sqlite3")) - {kept}:
            former.unlink(missing_ok=True)
        # Another session may make the same at this moment.
        partial = kept.with_suffix(f".{os.getpid()}")
        shutil.copy(path, partial)
        partial.replace(kept)
    return kept


def _migrate(url: str) -> None:
    manage(session_env() | {"DATABASE_URL": url}, "migrate", "--verbosity=0")


def _migrations_digest() -> str:
    """What the tables come from: our migrations, and the packages that bring their own."""
    files = [*sorted(ROOT.glob("*/migrations/*.py")), ROOT / "requirements.txt"]
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()[:16]


@cache
def redis() -> str:
    """A Redis server of our own. Its URL."""
    program = shutil.which("redis-server")
    if program is None:
        raise RuntimeError("Redis is not installed: `make test` does that.")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    Server("redis", [*command, "--dir", str(session_directory())], os.environ, lambda: not ports.is_free(port)).start()
    return f"redis://127.0.0.1:{port}"


@cache
def store() -> Server:
    """The object store, at `settings.S3_ENDPOINT_URL`. It may be stopped and started again: same address, same data."""
    server = store_server("store", PROCFILE["store"], session_env())
    server.start()
    return server


def store_server(name: str, line: str, env: Mapping[str, str]) -> Server:
    """An object store that `line` starts. It is ready when it takes an object and gives it back."""
    client = s3(env)

    def ready() -> bool:
        if ports.is_free(int(env["STORE_PORT"])):
            return False
        body = secrets.token_bytes(16)
        try:
            client.put_object(Bucket=env["S3_BUCKET"], Key="probe", Body=body)
            return client.get_object(Bucket=env["S3_BUCKET"], Key="probe")["Body"].read() == body
        except (BotoCoreError, ClientError):
            return False

    return Server(name, ["sh", "-c", line], env, ready)


@cache
def unchecking_store() -> Server:
    """A store that takes what it is sent, whatever its URL was signed for, and keeps it in memory: moto's server."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server("unchecking-store", command, os.environ, lambda: not ports.is_free(port))
    server.url = f"http://127.0.0.1:{port}"
    server.start()
    return server


def s3(env: Mapping[str, str]) -> "boto3.client":
    """A client of the object store that is not ours, to see which objects it really holds."""
    return boto3.client(
        "s3",
        endpoint_url=env["S3_ENDPOINT_URL"],
        aws_access_key_id=env["S3_ACCESS_KEY_ID"],
        aws_secret_access_key=env["S3_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2),
    )


def manage(env: Mapping[str, str], *command: str) -> str:
    """`manage.py` in this environment. What it printed."""
    command = (sys.executable, "manage.py", *command)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def web_server(name: str, env: Mapping[str, str]) -> Server:
    """A web server with the front before it, at `BASE_URL`. It is ready when it asks who one is."""

    def ready() -> bool:
        try:
            urllib.request.urlopen(f"{env['BASE_URL']}/api/v1/me", timeout=5).close()
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return refusal.code == 401
        except OSError:
            return False
        return True

    return Server(name, ["sh", "-c", WEB], env, ready)


class Stack:
    """A whole wanLLMDB as the Procfile runs it: each line is a process, everything goes over sockets.

    It has a database, a bucket and a broker of its own, and the users of the tests with their team: alice is admin of
    `acme`, bob an editor, vera a viewer, mallory a stranger.
    """

    def __init__(self, name: str = "stack", object_store: Server | None = None) -> None:
        self.var = session_directory() / name
        var_directory.create(self.var)
        port = free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        self.env = session_env() | {
            "WANLLMDB_VAR_DIR": str(self.var),
            "WANLLMDB_RUN_DIR": str(runtime_directory.create(self.var)),
            "DATABASE_URL": create_database(name, self.var / "db.sqlite3"),
            "S3_BUCKET": name,
            "PORT": str(port),
            "BASE_URL": self.base_url,
            # What webhooks call are receivers on this machine.
            "WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8",
            "REFERENCE_PRIVATE_NETWORKS": "127.0.0.0/8",
            "REGISTRY_TEAM": "acme",
            "EMAIL_URL": f"filemail:///{self.var / 'mail'}",
        }
        if on_postgres():
            self.env |= {"CELERY_BROKER_URL": f"{redis()}/1"}
        self.store = object_store or store()
        if self.store.url:
            self.env["S3_ENDPOINT_URL"] = self.store.url
        self.web = web_server(f"{name}-web", self.env)
        self.worker = Server(f"{name}-worker", ["sh", "-c", PROCFILE["worker"]], self.env, lambda: True)
        self.notifications = Server(
            f"{name}-notifications", ["sh", "-c", PROCFILE["notifications"]], self.env, lambda: True
        )
        self.beat = Server(f"{name}-beat", ["sh", "-c", PROCFILE["beat"]], self.env, lambda: True)
        script = (ROOT / "harness" / "first_data.py").read_text()
        self.keys: dict[str, str] = json.loads(self.manage("shell", "--no-imports", "--command", script))

    def start(self) -> None:
        """Everything runs after this, also what a test has killed."""
        for server in (self.store, self.worker, self.notifications, self.beat, self.web):
            server.start()

    def key(self, username: str) -> str:
        """The API key of one of these users."""
        return self.keys[username]

    def manage(self, *command: str) -> str:
        """`manage.py` with the stack's settings. What it printed."""
        return manage(self.env, *command)


@cache
def stack() -> Stack:
    return Stack()
