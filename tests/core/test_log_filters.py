"""A bug is told twice: to the caller by the request's id, and under that id to the log."""

import logging.config

import pytest
from django.conf import settings
from django.test import Client

from core.log_filters import RequestIdFilter


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
