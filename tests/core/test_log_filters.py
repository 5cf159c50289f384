"""What the log tells: a bug, under the id that its caller got, and a few of the mistakes that clients make."""

import logging.config
import re

import pytest
from django.conf import settings
from django.test import Client

from core.log_filters import ClientMistakeFilter, RequestIdFilter


def test_the_log_has_a_bug_under_the_id_that_the_caller_got(settings, caplog):
    settings.ROOT_URLCONF = "tests.api.failing_urls"
    answer = Client(raise_request_exception=False).get("/api/v1/crash", headers={"X-Request-ID": "abc-123"})

    assert (answer.status_code, answer.json()["code"], answer.json()["request_id"]) == (500, "ServerError", "abc-123")
    assert "secret" not in answer.content.decode()
    (record,) = [record for record in caplog.records if record.exc_info]
    assert RequestIdFilter().filter(record)
    assert record.request_id == "abc-123"


@pytest.mark.parametrize("path", ["/", "/login", "/api/v1/me", "/healthz"])
def test_a_wrong_host_is_one_line_and_no_server_error(capfd, db, path):
    """Handled as in production: by the handler of the settings, which writes to standard error."""
    logging.config.dictConfig(settings.LOGGING | {"incremental": False})
    answer = Client(raise_request_exception=False).get(path, headers={"Host": "evil.example"})

    assert answer.status_code in (200, 400)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == (1 if answer.status_code == 400 else 0), lines
    assert all("Invalid HTTP_HOST header: 'evil.example'" in line for line in lines)


@pytest.mark.django_db
def test_what_anybody_can_do_wrong_does_not_fill_the_log(capfd):
    logging.config.dictConfig(settings.LOGGING | {"incremental": False})
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    fields = {str(number): "x" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    for _ in range(20):
        assert client.post("/login", {"username": "x", "password": "x"}).status_code == 403
        assert client.post("/login", fields).status_code in (400, 403, 413)
    lines = capfd.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 10
    assert all("django.security" in line for line in lines), lines


def test_lines_that_are_left_out_are_counted():
    now = [0.0]
    filtered = ClientMistakeFilter(lines=2, seconds=60, clock=lambda: now[0])

    def passed(name: str = "django.security.csrf") -> list[str]:
        record = logging.LogRecord(name, logging.WARNING, "", 0, "Forbidden (%s): %s", ("why", "/login"), None)
        return [record.getMessage()] if filtered.filter(record) else []

    assert passed() == passed() == ["Forbidden (why): /login"]
    assert passed() == passed() == []
    assert passed("django.request") == ["Forbidden (why): /login"]
    now[0] += 60
    assert re.fullmatch(r"Forbidden \(why\): /login \(2 such lines .*\)", passed()[0])
    assert passed() == ["Forbidden (why): /login"]
