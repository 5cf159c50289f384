"""What an operator sees of a running server: metrics of all its processes, logs as JSON lines, and traces."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families

import wanllmdb as wandb
from harness import servers
from tests.e2e.conftest import wait_until

TOKEN = "a token for Prometheus"
FINALIZE = "POST /api/v1/artifacts/versions/<uuid:version_id>/finalize"


class Collector:
    """A receiver of OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                        collector.spans += [span for scope in resource.scope_spans for span in scope.spans]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    listening = Collector()
    yield listening
    listening.close()


@pytest.fixture(scope="module")
def observed(collector: Collector) -> Iterator[servers.Stack]:
    """A stack in which a version was logged."""
    stack = servers.Stack("observed")
    for server in (stack.web, stack.worker, stack.notifications, stack.beat):
        server.env |= {
            "METRICS_TOKEN": TOKEN,
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "INFO",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
    for server in (stack.worker, stack.notifications, stack.beat):
        server.command[-1] = server.command[-1].replace("--loglevel WARNING", "--loglevel INFO")
    stack.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANLLMDB_BASE_URL", stack.base_url)
        patch.setenv("WANLLMDB_API_KEY", stack.key("bob"))
        with wandb.init(project="acme/observed") as run:
            artifact = wandb.Artifact("data", "dataset")
            with artifact.new_file("a.txt", "wb") as file:
                file.write(b"a")
            run.log_artifact(artifact, aliases=["production"]).wait()
    yield stack
    for server in (stack.web, stack.worker, stack.notifications, stack.beat):
        server.stop()


def fetch(stack: servers.Stack, path: str, token: str = "", **headers: str) -> tuple[int, str]:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(stack.base_url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def sample(stack: servers.Stack, name: str, **labels: str) -> float:
    """The sum of the samples of this name that have these labels."""
    status, text = fetch(stack, "/metrics", TOKEN)
    assert status == 200
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


def test_strangers_find_no_metrics(observed):
    for token in ("", "wrong", observed.key("alice")):
        assert fetch(observed, "/metrics", token)[0] == 404


def test_requests_of_all_processes_are_counted_by_route_and_status(observed):
    count = "wanllmdb_request_duration_seconds_count"
    before = sample(observed, count, route="api/v1/me", status="200")
    for _ in range(20):
        assert fetch(observed, "/api/v1/me", observed.key("bob"))[0] == 200
    assert fetch(observed, "/api/v1/me", "wllm_wrong")[0] == 401
    assert (
        fetch(observed, "/api/v1/artifacts/resolve?name=acme/observed/data:production", observed.key("bob"))[0] == 200
    )
    assert fetch(observed, "/nothing/is/here/at/all")[0] in (302, 404)

    assert sample(observed, count, route="api/v1/me", status="200") == before + 20
    assert sample(observed, count, route="api/v1/me", status="401") >= 1
    assert sample(observed, count, route="api/v1/artifacts/resolve", method="GET", status="200") >= 1
    assert sample(observed, "wanllmdb_refused_api_keys_total") >= 1


def test_what_happened_and_what_waits_is_counted(observed):
    assert sample(observed, "wanllmdb_events_total", kind="version.finalized") == 1
    assert sample(observed, "wanllmdb_events_total", kind="alias.created") >= 1
    assert sample(observed, "wanllmdb_signed_urls_total", operation="put_object") >= 1
    assert sample(observed, "wanllmdb_database_up") == 1
    for queue in ("verification", "events", "deliveries", "mails"):
        wait_until(lambda queue=queue: sample(observed, "wanllmdb_queue_depth", queue=queue) == 0)
    # A worker's own numbers: it shares the directory.
    wait_until(
        lambda: sample(observed, "wanllmdb_task_duration_seconds_count", task="artifacts.tasks.record_heartbeat") >= 1
    )
    assert sample(observed, "wanllmdb_worker_heartbeat_age_seconds") < float("inf")
    assert sample(observed, "wanllmdb_failures") == 0


def test_every_line_of_web_workers_and_beat_is_json_with_the_request_it_is_about(observed):
    fetch(observed, "/", Host="evil.example", **{"X-Request-ID": "the-evil-one"})
    web = [json.loads(line) for line in observed.web.log.read_text().splitlines()]
    worker = [json.loads(line) for line in observed.worker.log.read_text().splitlines()]

    [refused] = [line for line in web if line["request_id"] == "the-evil-one"]
    assert (refused["level"], refused["logger"]) == ("ERROR", "django.security.DisallowedHost")
    assert refused["message"].startswith("Invalid HTTP_HOST header: 'evil.example'") and refused["time"]
    assert "traceback" not in refused
    assert {line["request_id"] for line in worker} > {"-"}
    for server in (observed.worker, observed.notifications, observed.beat):
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
        assert lines and all({"time", "level", "logger", "message", "request_id"} <= line.keys() for line in lines)


def test_a_task_belongs_to_the_trace_of_the_request_that_sent_it(observed, collector):
    fetch(observed, "/api/v1/me", observed.key("bob"))
    wait_until(lambda: collector.named("GET /api/v1/me") and collector.named(FINALIZE))

    def is_in_trace_of_request() -> bool:
        """Others belong to the sweep, and spans arrive in batches."""
        requests = {span.trace_id for span in collector.spans if span.name.startswith(("POST /", "PATCH /"))}
        return any(span.trace_id in requests for span in collector.named("run/notifications.tasks.announce"))

    wait_until(is_in_trace_of_request)
    [finalized] = collector.named(FINALIZE)
    attributes = {item.key: item.value for item in finalized.attributes}
    assert attributes["http.route"].string_value == FINALIZE.removeprefix("POST ")
    assert attributes["wanllmdb.request_id"].string_value
