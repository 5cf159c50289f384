"""Previews and comparisons of files of the registry. What their bytes mean is found out in a sandboxed process."""

from artifacts import errors
from artifacts.content import downloads
from artifacts.models import ArtifactFile
from artifacts.previews import image_preview, media_preview, sandbox, text_preview
from artifacts.previews.comparison_results import Comparison, NoComparison
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, Image, NoPreview, Preview, PreviewTooLarge, Table, TooLarge
from artifacts.references import content as reference_content

# Kinds of preview whose files a browser can show by itself.
_RAW_KINDS = ("image", "document", "text", "prose", "tree", "notebook")
# Kinds whose bytes the page has the browser fetch.
_SHOWN_BY_BROWSERS = ("image", "document", "media")
_DOWNLOAD_IT = "No preview of images, audio, video and PDF that are stored elsewhere: download the file."
_HEAD = 4 * 2**10


def preview(file: ArtifactFile, person: str, rows: str = "") -> Preview:
    """The preview of the file for this person, whatever its bytes are: at least `NoPreview`, with the reason.

    Of a table it has the rows that `rows` asks for, which is what a `Table` says of other rows.
    """
    try:
        reader = _reader(file)
    except errors.RegistryError as error:
        return _refused(error)
    found = preview_of(file.name, reader, person, rows)
    return NoPreview(_DOWNLOAD_IT) if file.is_reference and found.kind in _SHOWN_BY_BROWSERS else found


def preview_of(name: str, reader: Reader, person: str, rows: str = "") -> Preview:
    """The same of bytes with this name, wherever they are."""
    try:
        return sandbox.preview(name, reader, person, rows)
    except PreviewTooLarge as error:
        return TooLarge(str(error))
    except errors.RegistryError as error:
        return _refused(error)


def compare(before: ArtifactFile, after: ArtifactFile, person: str) -> Comparison:
    """What differs between the contents of two files of one name: at least `NoComparison`, with the reason."""
    try:
        return sandbox.compare(after.name, _reader(before), _reader(after), person)
    except PreviewTooLarge:
        return NoComparison("Too large to compare by its contents.")
    except errors.RegistryError as error:
        return NoComparison(str(error), is_busy=isinstance(error, errors.Busy))


def image(file: ArtifactFile) -> Image:
    """Type and size of an image, before it is sent as one. Raises `Missing` if it is not shown as an image."""
    downloads.require_readable(file)
    return image_of(file.path, _reader(file))


def image_of(path: str, reader: Reader) -> Image:
    """The same of bytes that are at this path."""
    try:
        return image_preview.preview(reader)
    except (FormatMismatch, PreviewTooLarge) as error:
        raise errors.Missing(f"{path!r} is not shown as an image.") from error


def has_raw(file: ArtifactFile, preview: Preview) -> bool:
    """Whether a browser can show the bytes of the file as they are, if it has this preview."""
    return not file.is_reference and is_shown_raw(file.name, preview)


def is_shown_raw(name: str, preview: Preview) -> bool:
    """The same of a file of this name that is stored here."""
    is_text = isinstance(preview, Table) and preview.is_text
    return (is_text or preview.kind in _RAW_KINDS) and not name.lower().endswith(".gz")


def raw_type(file: ArtifactFile) -> str:
    """The media type with which a browser may have the bytes: of an image, audio, video, a PDF or plain text.

    It is what the bytes say, never a type that could be a page. Raises `Missing` for others.
    """
    downloads.require_readable(file)
    return raw_type_of(file.path, _reader(file))


def raw_type_of(path: str, reader: Reader) -> str:
    """The same of bytes that are at this path."""
    head = reader.head(_HEAD)
    if type := image_preview.sniff(head) or media_preview.sniff(head):
        return type
    encoding = text_preview.encoding_of(head, is_whole=reader.size <= _HEAD)
    if encoding is None:
        raise errors.Missing(f"{path!r} is not shown in a browser: download it instead.")
    return f"text/plain; charset={encoding}"


def _refused(error: errors.RegistryError) -> NoPreview:
    return NoPreview(str(error), is_busy=isinstance(error, errors.Busy))


def _reader(file: ArtifactFile) -> Reader:
    """Raises as `downloads.require_readable`; of a reference as `reference_content.opened`."""
    if file.is_reference:
        return Reader(file.size, reference_content.opened(file))
    downloads.require_readable(file)
    return Reader(file.size, lambda offset, length: downloads.read_range(file, offset, length))
