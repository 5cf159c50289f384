import io
import json
import re
import sys
from datetime import datetime, timedelta

import pytest

import wanllmdb as wandb
from harness.lossy_proxy import LossyProxy
from wanllmdb.sdk.cli.main import main
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def doctor(bob, monkeypatch, capsys):
    """`doctor("acme/churn")`: the exit code, and the findings by what was looked at."""

    def run_command(*arguments):
        monkeypatch.setattr(sys, "argv", ["wanllmdb", "doctor", *arguments, "--json"])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        result = json.loads(capsys.readouterr().out)
        code = end.value.code or 0
        assert result["ok"] == (code == 0)
        return code, {finding["check"]: finding for finding in result["findings"]}

    return run_command


def statuses(findings):
    return {check: finding["status"] for check, finding in findings.items()}


CHECKS = ("network", "server", "key", "project", "version", "clock", "store", "store clock", "cache")


def test_all_is_well_and_nothing_is_left_behind(doctor, project, stored_keys):
    wandb.init(project=project).finish()
    before = stored_keys()
    code, findings = doctor(project)
    assert (code, statuses(findings)) == (0, dict.fromkeys(CHECKS, "ok"))
    assert findings["project"]["message"] == f"{project} can be read and written to as editor of acme"
    assert stored_keys() == before


def test_people_read_it_without_a_key_or_a_signature(doctor, project, stack, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["wanllmdb", "doctor", project])
    with pytest.raises(SystemExit):
        main()
    text = capsys.readouterr().out
    assert re.search(r"^✓ store +http://127\.0\.0\.1:\d+ took a file and gave it back", text, re.MULTILINE)
    assert stack.key("bob") not in text
    assert "Signature" not in text


def test_a_server_that_is_away(doctor, monkeypatch):
    monkeypatch.setenv("WANLLMDB_BASE_URL", "http://127.0.0.1:9")
    code, findings = doctor()
    assert (code, findings["server"]["status"]) == (1, "failed")
    assert "connection refused" in findings["server"]["message"]
    assert "Set WANLLMDB_BASE_URL" in findings["server"]["advice"]
    assert findings["store"]["message"] == "the server was not reached"


def test_a_server_that_is_another(doctor, monkeypatch, stack):
    monkeypatch.setenv("WANLLMDB_BASE_URL", stack.env["S3_ENDPOINT_URL"])
    code, findings = doctor()
    assert (code, findings["server"]["status"]) == (1, "failed")


def test_a_wrong_key(doctor, monkeypatch):
    monkeypatch.setenv("WANLLMDB_API_KEY", "wllm_" + "0" * 64)
    code, findings = doctor()
    assert (code, findings["server"]["status"], findings["key"]["status"]) == (1, "ok", "failed")
    assert "wanllmdb login" in findings["key"]["advice"]
    assert findings["store"]["status"] == "skipped"


def test_a_key_that_is_read_only(doctor, monkeypatch, stack):
    key = Client(stack.base_url, stack.key("bob")).post("/keys", {"name": "reads", "scope": "read"})
    monkeypatch.setenv("WANLLMDB_API_KEY", key["value"])
    code, findings = doctor()
    assert (code, findings["key"]["status"], findings["store"]["status"]) == (0, "warning", "skipped")


def test_a_project_that_is_not_there_or_not_for_oneself(doctor, project, sign_in):
    wandb.init(project=project).finish()
    assert "does not exist yet" in doctor(f"{project}-other")[1]["project"]["message"]
    sign_in("vera")
    assert doctor(project)[1]["project"]["status"] == "warning"
    sign_in("mallory")
    code, findings = doctor(project)
    assert (code, findings["project"]["status"]) == (1, "failed")
    assert "Ask for an invitation to team acme" in findings["project"]["advice"]


def test_a_store_that_is_away(doctor, stack):
    stack.store.stop()
    code, findings = doctor()
    assert (code, findings["key"]["status"], findings["store"]["status"]) == (1, "ok", "failed")
    assert (
        "`manage.py doctor`" in findings["store"]["advice"] or "S3_PUBLIC_ENDPOINT_URL" in findings["store"]["advice"]
    )


def test_clocks_that_differ(doctor, stack, monkeypatch):
    def shift(content):
        if b'"oldest_client_version"' not in content:
            return content
        answer = json.loads(content)
        time = datetime.fromisoformat(answer["time"]) - timedelta(minutes=7)
        return json.dumps(answer | {"time": time.isoformat()}).encode()

    with LossyProxy(stack.base_url) as proxy:
        proxy.rewrite = shift
        monkeypatch.setenv("WANLLMDB_BASE_URL", proxy.url)
        code, findings = doctor()
    assert (code, findings["clock"]["status"], findings["store clock"]["status"]) == (0, "warning", "warning")
    assert re.search(r"this machine and the server differ by 4[12]\d s", findings["clock"]["message"])
    assert "NTP" in findings["clock"]["advice"]


@pytest.mark.parametrize(
    ("answer", "status"), [({"oldest_client_version": "9.0"}, "failed"), ({"version": "0.0.9"}, "warning")]
)
def test_versions_that_do_not_fit(doctor, stack, monkeypatch, answer, status):
    def rewrite(content):
        return json.dumps(json.loads(content) | answer).encode() if b'"oldest_client_version"' in content else content

    with LossyProxy(stack.base_url) as proxy:
        proxy.rewrite = rewrite
        monkeypatch.setenv("WANLLMDB_BASE_URL", proxy.url)
        assert doctor()[1]["version"]["status"] == status


def test_a_cache_directory_that_cannot_be_written_to(doctor, monkeypatch):
    monkeypatch.setenv("WANLLMDB_CACHE_DIR", "/proc/wanllmdb")
    code, findings = doctor()
    assert (code, findings["cache"]["status"]) == (0, "warning")
    assert "Set WANLLMDB_CACHE_DIR" in findings["cache"]["advice"]


def test_a_proxy_and_certificates_that_the_environment_names(doctor, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/hosts")
    monkeypatch.setenv("http_proxy", "http://user:secret@127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    code, findings = doctor()
    assert code == 1
    assert "the proxy http://127.0.0.1:9, which http_proxy names" in findings["network"]["message"]
    assert "SSL_CERT_FILE=/etc/hosts" in findings["network"]["message"]
    assert "secret" not in json.dumps(findings)
