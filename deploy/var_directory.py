"""The `var/` directory: what a stack keeps between two starts, and that only one runs in it at a time."""

import errno
import fcntl
import json
import secrets
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy import ports, private_file, runtime_directory, store_certificates

DIRECTORIES = ("broker", "broker-control", "log", "store")
MIN_FREE_BYTES = 500 * 2**20


def create(var: Path, directories: Iterable[str] = DIRECTORIES) -> None:
    """Make `var` and what lies in it, for its owner only."""
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in directories:
        (var / name).mkdir(mode=0o700, exist_ok=True)
    free = shutil.disk_usage(var).free
    if free < MIN_FREE_BYTES:
        raise SystemExit(
            f"Only {free // 2**20} MiB are free at {var}: wanLLMDB needs {MIN_FREE_BYTES // 2**20} MiB to start."
        )


@contextmanager
def report_full_disk(var: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # SQLite has words of its own for it, and no number.
        if getattr(error, "errno", None) != errno.ENOSPC and "disk is full" not in str(error):
            raise
        raise SystemExit(f"The disk under {var} is full: make room, then start again. Nothing is lost.") from None


@contextmanager
def lock_var_dir(var: Path) -> Iterator[None]:
    """Hold `var` for this process. The system lets go of it when the process ends, however it ends."""
    with (var / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"wanLLMDB already runs in {var}: stop that one first, or set WANLLMDB_VAR_DIR.") from None
        yield


def prepare_environment(var: Path, requested_port: str | None) -> dict[str, str]:
    """The environment of this start of the embedded stack, on a port that is free now."""
    port = ports.free_web_port(requested_port)
    return save_environment(var, {"PORT": str(port), "BASE_URL": f"http://127.0.0.1:{port}"})


def save_environment(var: Path, urls: Mapping[str, str]) -> dict[str, str]:
    """The environment of this start: secrets made once, the object store, and `urls`. Kept in `embedded.env`.

    What a signed address was made for stays good over a restart, because the store keeps its ports while it can.
    """
    path = var / "embedded.env"
    saved = read_env(path)
    store_port = saved.get("STORE_PORT")
    if not store_port or not ports.store_ports_are_free(int(store_port)):
        store_port = str(ports.free_store_port())
    env = new_secrets() | saved
    env |= {
        "STORE_PORT": store_port,
        "WANLLMDB_RUN_DIR": str(runtime_directory.create(var)),
        "S3_ENDPOINT_URL": f"http://127.0.0.1:{store_port}",
        "S3_BUCKET": "wanllmdb",
    }
    env |= urls
    if env != saved:
        private_file.write(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in env.items()))
    private_file.write(var / "s3.json", store_identities(env))
    store_certificates.create(var / "store-tls")
    return env


def new_secrets() -> dict[str, str]:
    names = ["SECRET_KEY", "S3_SECRET_ACCESS_KEY"]
    # With these the store's inner servers want a signed token too: on a shared machine the S3 port is the only way in.
    names += [f"WEED_JWT_{which}_KEY" for which in ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")]
    return {"S3_ACCESS_KEY_ID": secrets.token_hex(10)} | {name: secrets.token_urlsafe(40) for name in names}


def store_identities(env: Mapping[str, str]) -> str:
    """The store's own list of who may do what: this server, everything; nobody else, nothing."""
    key = {"accessKey": env["S3_ACCESS_KEY_ID"], "secretKey": env["S3_SECRET_ACCESS_KEY"]}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return json.dumps({"identities": [{"name": "wanllmdb", "credentials": [key], "actions": actions}]}, indent=2)


def read_env(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: "".join(shlex.split(value)) for name, _, value in lines}


def read_credentials(var: Path) -> dict[str, str]:
    path = var / "credentials.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write_credentials(var: Path, credentials: Mapping[str, str]) -> None:
    private_file.write(var / "credentials.json", json.dumps(credentials, indent=2) + "\n")
