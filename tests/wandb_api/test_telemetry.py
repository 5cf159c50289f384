"""The official client's telemetry of itself comes without a key, and nothing of it is kept."""

from django.test import Client


def test_telemetry_is_taken_without_a_key():
    for kind in ("metrics", "logs"):
        answer = Client().post(f"/sdk/otel/v1/{kind}", b"\x0a\x00", content_type="application/x-protobuf")
        assert answer.status_code == 204
