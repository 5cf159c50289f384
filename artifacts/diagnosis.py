"""Finds out what keeps this server from working well: one finding for each thing that has to be right.

What `/readyz` tells is taken from `health`; here stands what is worth a look after a change, and takes longer.
"""

import platform
import shutil
import smtplib
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import django
import urllib3
from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http.request import validate_host
from kombu.exceptions import OperationalError

from artifacts import errors, health, storage, store_probes
from artifacts.store_probes import StoreProbe
from wanllmdb.celery import app

_MIN_FREE_BYTES = 2 * 2**30
_MIN_KEY_LENGTH = 50
_BROKER_TIMEOUT = 3
# In seconds. The store refuses signatures from 15 minutes on.
_SKEW_NOTICED = 60
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_PUBLIC_ADVICE = (
    "S3_PUBLIC_ENDPOINT_URL must be the address under which clients reach the object store; a proxy before it must "
    "pass on the header Host as it is. Run `wanllmdb doctor` where a client is"
)
_WORKERS_ADVICE = "Start what is missing: the processes worker, notifications and beat of the Procfile"


@dataclass(frozen=True)
class Finding:
    check: str
    status: str
    """`ok`, `warning` or `failed`."""
    message: str
    advice: str = ""
    """What to change, unless all is well."""


def run() -> Iterator[Finding]:
    """Look at one thing after the other. Leaves nothing behind, and tells no secrets."""
    yield _check_versions()
    yield _check_secret_key()
    yield _check_hosts()
    parts = health.parts()
    database = _check_database(parts.pop("database"))
    yield database
    if database.status == "ok":
        yield _check_migrations()
    yield from _check_store(parts.pop("store"))
    yield _check_broker()
    yield from (_judge(name, problem) for name, problem in parts.items())
    yield _check_disk()
    yield _check_mail()


def _judge(part: str, problem: str) -> Finding:
    if not problem:
        return Finding(part, "ok", "all is well")
    return Finding(part, "warning", problem, "" if part == "cleanup" else _WORKERS_ADVICE)


# --- Settings ---------------------------------------------------------------------------------------------------------


def _check_versions() -> Finding:
    message = f"wanLLMDB {settings.VERSION}, Python {platform.python_version()}, Django {django.get_version()}"
    return Finding("version", "ok", message)


def _check_secret_key() -> Finding:
    if settings.DEBUG:
        advice = "Set DEBUG=false: with it, errors show settings and variables to everybody"
        return Finding("secrets", "failed", "DEBUG is on", advice)
    if len(settings.SECRET_KEY) < _MIN_KEY_LENGTH or settings.SECRET_KEY.startswith("django-insecure-"):
        advice = "Set SECRET_KEY to 50 random characters or more; SECRET_KEY_FALLBACKS takes the present one meanwhile"
        return Finding("secrets", "warning", "SECRET_KEY is short or well known", advice)
    return Finding("secrets", "ok", "SECRET_KEY is set, and DEBUG is off")


def _check_hosts() -> Finding:
    parts = urlsplit(settings.BASE_URL)
    host = parts.hostname or ""
    if not validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS):
        advice = f"Add {host!r} to ALLOWED_HOSTS, or set BASE_URL to the URL that people use"
        return Finding("address", "failed", f"{settings.BASE_URL} is refused, since its host is not allowed", advice)
    if parts.scheme != "https" and host not in _LOCAL_HOSTS:
        advice = "Put a proxy with TLS before the server, and set BASE_URL to its https:// URL"
        return Finding("address", "warning", f"{settings.BASE_URL} sends passwords and keys in the clear", advice)
    return Finding("address", "ok", settings.BASE_URL)


# --- Database ---------------------------------------------------------------------------------------------------------


def _check_database(problem: str) -> Finding:
    if problem:
        return Finding("database", "failed", problem, "Check DATABASE_URL, and that the database is running")
    if connection.vendor != "sqlite":
        version = ".".join(map(str, connection.get_database_version()))
        return Finding("database", "ok", f"PostgreSQL {version} answers")
    with connection.cursor() as cursor:
        (mode,) = cursor.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        advice = "Move the database to a local disk: a network file system has no shared memory, which WAL needs"
        return Finding("database", "warning", f"SQLite answers with journal mode {mode!r} in place of 'wal'", advice)
    return Finding("database", "ok", "SQLite answers, with journal mode 'wal'")


def _check_migrations() -> Finding:
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        return Finding("migrations", "failed", f"The tables cannot be read: {error}", "Run `manage.py migrate`")
    missing = [f"{migration.app_label}.{migration.name}" for migration, _ in _plan(executor)]
    if missing:
        message = f"{len(missing)} migrations are missing, from {missing[0]} on"
        return Finding("migrations", "failed", message, "Make a backup, and run `manage.py migrate`")
    ours = executor.loader.disk_migrations
    apps = {app_label for app_label, _ in ours}
    unknown = sorted(".".join(key) for key in executor.loader.applied_migrations if key not in ours and key[0] in apps)
    if unknown:
        message = f"A newer version made this database: it has {unknown[-1]}"
        return Finding("migrations", "failed", message, "Run that version, or one after it")
    return Finding("migrations", "ok", "all tables are as this version needs them")


def _plan(executor: MigrationExecutor) -> list:
    return executor.migration_plan(executor.loader.graph.leaf_nodes())


# --- Object store -----------------------------------------------------------------------------------------------------


def _check_store(problem: str) -> Iterator[Finding]:
    if problem:
        advice = "Check S3_ENDPOINT_URL, S3_BUCKET and the keys, that the store is running, and run `prepare_store`"
        yield Finding("store", "failed", f"{settings.S3_ENDPOINT_URL}: {problem}", advice)
        return
    yield Finding("store", "ok", f"{settings.S3_ENDPOINT_URL} answers, and has the bucket")
    yield from _check_clock()
    try:
        yield _check_checksums()
        probe = store_probes.create("operator")
        try:
            yield _check_public_endpoint(probe)
            yield _check_cors(probe)
        finally:
            with suppress(errors.RegistryError):
                store_probes.delete("operator", probe.id)
    except errors.RegistryError as refusal:
        yield Finding("public store", "failed", str(refusal), "Try again; if it stays so, look at the store's log")


def _check_clock() -> Iterator[Finding]:
    try:
        store_time = storage.ping()
    except errors.RegistryError:
        return
    if store_time is None:
        return
    seconds = abs(time.time() - store_time)
    message = f"the clocks of this server and the object store differ by {seconds:.0f} s"
    if seconds < _SKEW_NOTICED:
        yield Finding("clock", "ok", message)
    else:
        advice = "Synchronize both with NTP: the store refuses signatures that are 15 minutes off"
        yield Finding("clock", "warning", message, advice)


def _check_checksums() -> Finding:
    if storage.enforces_checksums():
        return Finding("checksums", "ok", "the store refuses bytes that differ from the sha256 that was signed")
    advice = "Nothing is wrong, but uploads are copied inside the store before they count, so they take longer"
    return Finding("checksums", "warning", "the store takes other bytes than those that were signed", advice)


def _check_public_endpoint(probe: StoreProbe) -> Finding:
    endpoint = settings.S3_PUBLIC_ENDPOINT_URL
    # A server need not get to where its clients do.
    status = "failed" if endpoint == settings.S3_ENDPOINT_URL else "warning"
    try:
        sent = _send("PUT", probe.upload.url, headers=probe.upload.headers, body=probe.content)
        received = _send("GET", probe.download_url)
    except urllib3.exceptions.HTTPError as error:
        message = f"{endpoint} is not reached from here ({type(error).__name__})"
        return Finding("public store", status, message, _PUBLIC_ADVICE)
    if max(sent.status, received.status) >= 300:
        message = f"{endpoint} refuses signed addresses: {sent.status} to an upload, {received.status} to a download"
        return Finding("public store", status, message, _PUBLIC_ADVICE)
    if received.data != probe.content:
        return Finding("public store", status, f"{endpoint} gave back other bytes than were sent", _PUBLIC_ADVICE)
    return Finding("public store", "ok", f"{endpoint} took a file by its signed address, and gave it back")


def _check_cors(probe: StoreProbe) -> Finding:
    refused = [origin for origin in settings.PAGE_ORIGINS if not _allows(probe.upload.url, origin)]
    if not refused:
        return Finding("browser uploads", "ok", f"the store takes uploads from {', '.join(settings.PAGE_ORIGINS)}")
    advice = "Run `manage.py prepare_store`, or let the store answer PUT from these origins and expose ETag"
    return Finding("browser uploads", "warning", f"the store takes no uploads from {', '.join(refused)}", advice)


def _allows(url: str, origin: str) -> bool:
    """What a browser asks before it sends a file."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    try:
        answer = _send("OPTIONS", url, headers=headers | {"Access-Control-Request-Headers": "content-type"})
    except urllib3.exceptions.HTTPError:
        return False
    methods = answer.headers.get("Access-Control-Allow-Methods", "")
    return answer.headers.get("Access-Control-Allow-Origin") in ("*", origin) and "PUT" in methods


def _send(method: str, url: str, **options) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, url, timeout=5, retries=False, **options)


# --- The rest ---------------------------------------------------------------------------------------------------------


def _check_broker() -> Finding:
    kind = settings.CELERY_BROKER_URL.partition(":")[0]
    try:
        with app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=_BROKER_TIMEOUT)
    except (OperationalError, OSError) as error:
        message = f"the broker ({kind}) does not respond ({type(error).__name__})"
        return Finding("broker", "failed", message, "Check CELERY_BROKER_URL, and that the broker is running")
    return Finding("broker", "ok", f"the broker ({kind}) takes messages")


def _check_disk() -> Finding:
    directory = settings.VAR_DIR
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        message = f"{directory} cannot be read: {error.strerror}"
        return Finding("disk", "failed", message, "Set WANLLMDB_VAR_DIR to a directory of the account of the server")
    message = f"{free / 2**30:,.1f} GiB are free on the disk of {directory}"
    if free < _MIN_FREE_BYTES:
        return Finding("disk", "warning", message, "Free some space: at the end of it, nothing can be written")
    return Finding("disk", "ok", message)


def _check_mail() -> Finding:
    backend = settings.EMAIL_BACKEND.rpartition(".")[2]
    if settings.EMAIL_BACKEND.startswith("django.core.mail.backends.console"):
        return Finding("e-mail", "warning", "mails are written to the output of workers", "Set EMAIL_URL to send them")
    if not settings.EMAIL_BACKEND.startswith("django.core.mail.backends.smtp"):
        return Finding("e-mail", "ok", f"mails go to {backend}, which is not tried")
    try:
        with mail.get_connection():
            pass
    except (smtplib.SMTPException, OSError, ImproperlyConfigured) as error:
        message = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} takes no mails ({type(error).__name__})"
        return Finding(
            "e-mail", "failed", message, "Check EMAIL_URL: host, port, user, password, and smtp+tls or smtp+ssl"
        )
    return Finding("e-mail", "ok", f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} takes mails; none was sent")
