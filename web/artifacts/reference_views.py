"""What pages show of references: where they point, without what grants access, and who keeps what is there."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from artifacts import errors
from artifacts.models import ArtifactFile, ExternalStore
from artifacts.references import external_stores, uris

_LINKED_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class ReferenceView:
    """`uri` is for people to read and copy, and `is_cut` where the one that is kept has more than may be shown.

    `link` is what a browser can open, "" for anything else; `keeper` is the external store, or else bucket or host.
    """

    uri: str
    link: str
    keeper: str
    store: ExternalStore | None
    is_cut: bool


def attach(files: Iterable[ArtifactFile]) -> None:
    """Each reference among these files gets its `reference`. One query at most.

    Their versions come with their projects, and are annotated by `checks`.
    """
    references = [file for file in files if file.is_reference]
    # Versions of pages know whether there is any.
    stores = external_stores.stores_of(file for file in references if file.version.has_external_stores)
    for file in references:
        file.reference = view(file.reference_uri, stores.get(file.pk))


def view(uri: str, store: ExternalStore | None) -> ReferenceView:
    """Of a URI as it is kept, whatever it is, and the external store that covers it."""
    text = uris.without_secrets(uri)
    is_cut = text != uri
    keeper = store.name if store else _host(text)
    return ReferenceView(text, "" if is_cut or not _is_web(text) else text, keeper, store, is_cut)


def _is_web(uri: str) -> bool:
    """Whether it is a URL of the web, by the scheme that a browser would take it for."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in _LINKED_SCHEMES and bool(parts.hostname) and uri.startswith(f"{parts.scheme}://")


def _host(uri: str) -> str:
    """`s3://bucket` or `example.org`; of what is no reference today, its scheme."""
    try:
        location = uris.parse(uri)
    except errors.RegistryError:
        return uri.partition(":")[0][:32]
    if location.bucket and not location.account:
        return f"{location.scheme}://{location.bucket}"
    return location.host or location.scheme
