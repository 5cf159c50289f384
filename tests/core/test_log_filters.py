"""A bug is told twice: to the caller by the request's id, and under that id to the log."""

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


def test_a_host_that_is_not_ours_is_one_line(db, client, caplog):
    assert client.get("/login", headers={"Host": "evil.example"}).status_code == 400
    [record] = [record for record in caplog.records if record.name == "django.security.DisallowedHost"]
    assert "evil.example" in record.getMessage()
    assert record.exc_info is None
