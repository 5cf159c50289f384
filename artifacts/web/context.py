"""What every page knows."""

from collections.abc import Callable

from django.http import HttpRequest

from artifacts import health


def trouble(request: HttpRequest) -> dict[str, Callable[[], list[str]]]:
    """The parts of the system that are away; asked for only where it is shown."""
    return {"trouble": health.troubles}
