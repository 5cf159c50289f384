"""Previews of the files of runs, by the same rules as those of the files of versions, and their bytes for browsers."""

from collections.abc import Iterable, Iterator

from artifacts import file_kinds, storage
from artifacts.content import downloads, extents
from artifacts.models.file import MAX_PICTURE
from artifacts.previews import logged_table_preview, registry, text_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, Image, Preview, Table
from core import errors
from core.value_lists import Among
from projects.models import Run
from tracking.models import RunFile

# A table of at most so many bytes is read in this process, for the first of its rows.
MAX_EXCERPT_BYTES = 256 * 2**10
# What a page of ours may show in a frame: it comes from this server, for the object store says nothing of its scripts.
MAX_FRAME_BYTES = 8 * 2**20
_FRAMES = (".html", ".htm")
_HEAD = 4 * 2**10


def preview(file: RunFile, person: str, rows: str = "") -> Preview:
    """As `registry.preview`, of a file whose object is loaded."""
    return registry.preview_of(file.name.rpartition("/")[2], _reader(file), person, rows)


def table_excerpt(file: RunFile, max_rows: int, max_columns: int) -> Table | None:
    """The first rows of a table that was logged; None where it is too large for that, or none."""
    if not 0 < file.size <= MAX_EXCERPT_BYTES:
        return None
    try:
        return logged_table_preview.parse(_read(file, 0, file.size), 1, max_rows, max_columns)
    except (FormatMismatch, errors.RegistryError):
        return None


def pictures(run: Run, tables: Iterable[Table]) -> dict[str, RunFile]:
    """The images in cells of these tables that are files of the run, by path. One query, unless there are none."""
    paths = {path for table in tables for _, _, path in table.pictures}
    files = RunFile.objects.arrived().filter(Among("name", paths), run=run, size__lte=MAX_PICTURE)
    found = {file.name: file for file in files if file_kinds.is_raster_image(file.name)}
    for file in found.values():
        file.run = run
    return found


def image(file: RunFile) -> Image:
    return registry.image_of(file.name, _reader(file))


def raw_type(file: RunFile) -> str:
    return registry.raw_type_of(file.name, _reader(file))


def has_raw(file: RunFile, preview: Preview) -> bool:
    return registry.is_shown_raw(file.name, preview)


def has_frame(file: RunFile) -> bool:
    """Whether a page of ours shows the file in a frame, as the HTML that its name says."""
    return file.name.lower().endswith(_FRAMES) and 0 < file.size <= MAX_FRAME_BYTES


def frame_type(file: RunFile) -> str:
    """The media type of such a file, for a frame without scripts. Raises `Missing` for what is no text."""
    encoding = text_preview.encoding_of(_reader(file).head(_HEAD), is_whole=file.size <= _HEAD)
    if not has_frame(file) or encoding is None:
        raise errors.Missing(f"{file.name!r} is not shown as HTML.")
    return f"text/html; charset={encoding}"


def inline_url(file: RunFile, type: str) -> str | None:
    """As `downloads.inline_url`."""
    assert file.object is not None
    return None if file.size <= storage.CHUNK else storage.get_inline_url(file.object.key, type)


def passed_on(file: RunFile, person: str, offset: int = 0, length: int | None = None) -> bytes | Iterator[bytes]:
    """The bytes of a file, or `length` of them from `offset` on. Raises `Busy` where no slot is free for so many."""
    assert file.object is not None
    length = file.size - offset if length is None else length
    if length <= storage.CHUNK:
        return _read(file, offset, length)
    downloads.require_slot(person)
    return downloads.stream(person, extents.begin(storage.download_file(file.object.key, offset, length)))


def _reader(file: RunFile) -> Reader:
    return Reader(file.size, lambda offset, length: _read(file, offset, length))


def _read(file: RunFile, offset: int, length: int) -> bytes:
    assert file.object is not None
    return b"".join(storage.download_file(file.object.key, offset, length)) if length else b""
