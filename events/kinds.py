"""The kinds of events. Each app registers its own once it is ready; there is no list of them all but the registry."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from events.models import Event

# Anchored so that Python and PostgreSQL read it alike.
NAME = r"\A[a-z]+(\.[a-z_]+)+\Z"


@dataclass(frozen=True, slots=True)
class EventKind:
    """`name` is on the wire and in the rows; `message` says in one sentence what happened, without a full stop.

    `url` is the path of the page that shows it. Webhooks can choose a kind that is subscribable, and who watches a
    project or an artifact hears of one that is watchable.
    """

    name: str
    label: str
    message: Callable[["Event"], str]
    url: Callable[["Event"], str]
    is_subscribable: bool = True
    is_watchable: bool = True

    def __str__(self) -> str:
        return self.name


_registry: dict[str, EventKind] = {}


def register(kinds: Iterable[EventKind]) -> None:
    """Make an app's kinds known, for `AppConfig.ready`. To register one twice changes nothing."""
    _registry.update((kind.name, kind) for kind in kinds)


def get(name: str) -> EventKind:
    """The kind of that name. One that no app knows any more is told to nobody, and its name is its message."""
    return _registry.get(name) or EventKind(
        name, name, message=lambda _: name, url=lambda _: "/", is_subscribable=False, is_watchable=False
    )


def subscribable() -> list[EventKind]:
    """Those that webhooks can choose."""
    return [kind for kind in _registry.values() if kind.is_subscribable]


def choices() -> list[tuple[str, str]]:
    """Names and labels of all kinds."""
    return [(kind.name, kind.label) for kind in _registry.values()]


def subscribable_choices() -> list[tuple[str, str]]:
    """Names and labels of those that webhooks can choose."""
    return [(kind.name, kind.label) for kind in subscribable()]
