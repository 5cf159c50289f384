"""Traces with OpenTelemetry: each request and each task is a span, and a task belongs to the request that asked for it.

Imported only where `OTEL_EXPORTER_OTLP_ENDPOINT` is set, for its packages are in `requirements-otel.txt`. All else is
configured by the environment, as OpenTelemetry says: `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`,
`OTEL_EXPORTER_OTLP_HEADERS` and so on.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured

try:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
except ImportError as error:
    raise ImproperlyConfigured(
        f"OTEL_EXPORTER_OTLP_ENDPOINT is set, but {error.name} is not installed: "
        "run `pip install -r requirements-otel.txt`, or unset it."
    ) from error

from core.request_id import request_id
from wanllmdb.request_metrics import ROUTE

os.environ.setdefault("OTEL_SERVICE_NAME", "wanllmdb")


def start() -> None:
    """Send the spans of this process, which a thread does in the background, and trace its tasks."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()


def trace_requests(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The WSGI application, with a span for each request, named by its method and route."""
    start()
    return OpenTelemetryMiddleware(application, request_hook=_begin, response_hook=_name)


def _begin(span: Any, environ: dict[str, Any]) -> None:
    # Whoever gave none gets the one that is in the log and in the response.
    environ["HTTP_X_REQUEST_ID"] = request_id(environ)
    span.set_attribute("wanllmdb.request_id", environ["HTTP_X_REQUEST_ID"])


def _name(span: Any, environ: dict[str, Any], status: str, headers: list[tuple[str, str]]) -> None:
    if route := environ.get(ROUTE):
        span.update_name(f"{environ['REQUEST_METHOD']} /{route}")
        span.set_attribute("http.route", f"/{route}")
