"""How pages show the states of references: of one, and the worst of a version."""

from typing import NamedTuple

from artifacts.models import ReferenceState


class Drift(NamedTuple):
    """How a state of references is shown: `tone` is the class of its badge or icon."""

    icon: str
    tone: str
    label: str
    message: str


_DRIFTS = {
    ReferenceState.UNCHECKED: Drift("clock", "muted", "Not checked", "Not checked for changes since it was logged"),
    ReferenceState.UNCHANGED: Drift("check", "good", "Unchanged", "The same as when it was logged"),
    ReferenceState.CHANGED: Drift("warning", "bad", "Changed", "Changed since it was logged"),
    ReferenceState.MISSING: Drift("cross", "bad", "Missing", "Not there any more"),
    ReferenceState.DENIED: Drift("lock", "warn", "Access denied", "This server has no access to it"),
}


def drift(state: str | None) -> Drift:
    """Of one reference, or of a version, which has the worst state of its own."""
    return _DRIFTS[ReferenceState(state or ReferenceState.UNCHECKED)]
