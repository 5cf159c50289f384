"""`manage.py doctor`, in a process of its own with the settings that are to be found wrong."""

import json
import os
import re
import subprocess
import sys

import pytest

from harness import servers
from harness.lossy_proxy import LossyProxy


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> str:
    return servers.create_database(f"doctor_{os.getpid()}", tmp_path_factory.mktemp("doctor") / "db.sqlite3")


@pytest.fixture(scope="module")
def prepared_store() -> None:
    servers.store()
    servers.manage(servers.session_env(), "prepare_store")


@pytest.fixture
def doctor(database, store, prepared_store):
    """`doctor(DEBUG="true")`: the exit code, and the findings by what was looked at."""

    def run(**environment: str) -> tuple[int, dict[str, dict]]:
        env = servers.session_env() | {"DATABASE_URL": database, **environment}
        done = subprocess.run(
            [sys.executable, "manage.py", "doctor", "--json"], cwd=servers.ROOT, env=env, capture_output=True, text=True
        )
        assert done.stdout, done.stderr
        for secret in (env["SECRET_KEY"], env["S3_SECRET_ACCESS_KEY"], "Signature"):
            assert secret not in done.stdout
        result = json.loads(done.stdout)
        assert result["ok"] == (done.returncode == 0)
        return done.returncode, {finding["check"]: finding for finding in result["findings"]}

    return run


def status(findings: dict[str, dict], check: str) -> str:
    return findings[check]["status"]


def test_all_is_well_but_for_the_processes_that_do_not_run(doctor):
    before = servers.s3(servers.session_env()).list_objects_v2(Bucket="tests", Prefix="probes/").get("KeyCount")
    code, findings = doctor()
    wrong = {check for check in findings if status(findings, check) != "ok"}
    assert (code, wrong - {"disk"}) == (0, {"workers", "notifications", "e-mail"})
    assert "worker, notifications and beat of the Procfile" in findings["workers"]["advice"]
    after = servers.s3(servers.session_env()).list_objects_v2(Bucket="tests", Prefix="probes/").get("KeyCount")
    assert after == before


def test_people_read_it(database, store):
    env = servers.session_env() | {"DATABASE_URL": database, "DEBUG": "true"}
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"], cwd=servers.ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "× secrets          DEBUG is on\n" in done.stdout
    assert "→ Set DEBUG=false" in done.stdout


@pytest.mark.parametrize(
    ("environment", "check", "expected", "advice"),
    [
        ({"SECRET_KEY": "0123456789"}, "secrets", "warning", "Set SECRET_KEY to 50 random characters"),
        ({"BASE_URL": "https://models.example"}, "address", "failed", "to ALLOWED_HOSTS"),
        ({"BASE_URL": "http://models.example", "ALLOWED_HOSTS": "*"}, "address", "warning", "TLS"),
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}, "database", "failed", "Check DATABASE_URL"),
        ({"S3_ENDPOINT_URL": "http://127.0.0.1:9"}, "store", "failed", "Check S3_ENDPOINT_URL"),
        ({"S3_SECRET_ACCESS_KEY": "wrong"}, "store", "failed", "the keys"),
        ({"S3_PUBLIC_ENDPOINT_URL": "http://127.0.0.1:9"}, "public store", "warning", "S3_PUBLIC_ENDPOINT_URL"),
        ({"CSRF_TRUSTED_ORIGINS": "https://other.example"}, "browser uploads", "warning", "prepare_store"),
        ({"CELERY_BROKER_URL": "redis://127.0.0.1:9/0"}, "broker", "failed", "CELERY_BROKER_URL"),
        ({"EMAIL_URL": "smtp://user:password@127.0.0.1:9"}, "e-mail", "failed", "EMAIL_URL"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_what_is_wrong_is_said_with_what_to_change(doctor, environment, check, expected, advice):
    code, findings = doctor(**environment)
    assert (status(findings, check), code) == (expected, 1 if expected == "failed" else 0)
    assert advice in findings[check]["advice"]


def test_tables_that_are_missing(doctor, tmp_path):
    code, findings = doctor(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    assert (code, status(findings, "database"), status(findings, "migrations")) == (1, "ok", "failed")
    assert "`manage.py migrate`" in findings["migrations"]["advice"]


def test_a_store_whose_clock_is_ahead(doctor):
    with LossyProxy(servers.session_env()["S3_ENDPOINT_URL"]) as proxy:
        proxy.clock_offset = 7 * 60
        code, findings = doctor(S3_ENDPOINT_URL=proxy.url)
    assert (code, status(findings, "clock")) == (0, "warning")
    assert re.search(r"differ by 4[12]\d s", findings["clock"]["message"])
    assert "NTP" in findings["clock"]["advice"]


def test_a_store_that_takes_other_bytes_than_those_that_were_signed(doctor):
    environment = {"S3_ENDPOINT_URL": servers.unchecking_store().url, "S3_BUCKET": "doctor"}
    servers.manage(servers.session_env() | environment, "prepare_store")
    code, findings = doctor(**environment)
    assert (code, status(findings, "checksums"), status(findings, "public store")) == (0, "warning", "ok")
