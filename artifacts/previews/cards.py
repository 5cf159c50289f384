"""Cards: a README as people know it from model hubs. What it says is found out in a sandboxed process."""

from dataclasses import dataclass
from typing import Any

from artifacts import errors
from artifacts.content import downloads
from artifacts.models import ArtifactFile
from artifacts.previews import sandbox, text_preview
from artifacts.previews.front_matter import Chip, Fact, Result
from artifacts.previews.results import PreviewTooLarge


@dataclass(frozen=True)
class Card:
    """`html` is sanitised; None for a card that is shown as its source, because of what `note` says."""

    facts: list[Fact]
    results: list[Result]
    omitted: int
    note: str
    html: str | None


def read(file: ArtifactFile) -> str:
    """The text of a README. Raises what `require_readable` raises, and `Invalid` for one that is long or no text."""
    if file.size > text_preview.MAX_MARKDOWN:
        raise errors.Invalid("This README is too long to show here.")
    text = text_preview.decode(downloads.read_range(file, 0, file.size))
    if text is None:
        raise errors.Invalid("This README is not text.")
    return text


def render(text: str, version_url: str, folder: str, person: str) -> Card:
    """The card for this person, its links and images relative to a folder of the version. Raises `Busy`."""
    try:
        fields: dict[str, Any] = sandbox.card(text, version_url, folder, person)
    except PreviewTooLarge as error:
        return Card([], [], 0, f"{error}.", None)
    facts = [Fact(fact["label"], [Chip(**chip) for chip in fact["chips"]]) for fact in fields["facts"]]
    results = [Result(**result) for result in fields["results"]]
    return Card(facts, results, fields["omitted"], fields["note"], fields["html"])
