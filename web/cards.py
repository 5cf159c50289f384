"""The card of a version or of a file: a README as pages show it, rendered or as its source."""

import posixpath
from dataclasses import dataclass
from hashlib import sha256

from django.core.cache import caches
from django.http import QueryDict
from django.utils.safestring import SafeString, mark_safe

from artifacts import errors
from artifacts.models import ArtifactFile
from artifacts.previews import cards
from web.markdown import MAX_HTML


@dataclass(frozen=True)
class CardView:
    """`source` is the text where it is asked for, or cannot be rendered; `problem` says why there is neither."""

    file: ArtifactFile
    card: cards.Card | None = None
    source: str | None = None
    problem: str = ""

    @property
    def html(self) -> SafeString:
        """Sanitised where it was made."""
        return mark_safe(self.card.html if self.card and self.card.html else "")


def view(file: ArtifactFile, query: QueryDict, person: str, text: str | None = None) -> CardView:
    """The card for this person, as the query string asks for it: `readme=source` shows its source.

    `text` is what the file holds, where that is known already.
    """
    try:
        if query.get("readme") == "source":
            return CardView(file, source=cards.read(file) if text is None else text)
        return _rendered(file, person, text)
    except errors.RegistryError as error:
        return CardView(file, problem=str(error))


def _rendered(file: ArtifactFile, person: str, text: str | None) -> CardView:
    """Rendered once for each version that has the same one."""
    version_url = file.version.get_absolute_url()
    folder = posixpath.dirname(file.path)
    digest = file.blob.sha256 if file.blob and file.blob.sha256 else None
    cache, key = caches["markdown"], sha256(repr((digest, version_url, folder)).encode()).hexdigest()
    card = cache.get(key) if digest else None
    if card is None:
        text = cards.read(file) if text is None else text
        card = cards.render(text, version_url, f"{folder}/" if folder else "", person)
        if digest:
            cache.set(key, card)
    if card.html is None or len(card.html) > MAX_HTML:
        return CardView(file, card, source=cards.read(file) if text is None else text)
    return CardView(file, card)
