"""Files of tensors, from their headers alone. Nothing in them is ever unpickled."""

import json
import re
import struct
import zipfile
import zlib
from dataclasses import replace
from math import prod
from typing import Any

from artifacts import natural_order
from artifacts.previews import json_tree
from artifacts.previews.reader import Reader, SeekableFile
from artifacts.previews.results import FormatMismatch, PreviewTooLarge, Tensor, Tensors, Total, cell

MAX_HEADER = 4 * 2**20
MAX_TENSORS = 500
MAX_MEMBERS = 50
_MAX_DIMENSIONS = 32
_MAX_TOTALS = 12
# No array has more elements, or more bytes: its address would not fit into a pointer.
_MAX_COUNT = 2**63
_MAX_NPY_HEADER = 64 * 2**10
_MEMBER_HEAD = 4 * 2**10

_NPY_MAGIC = b"\x93NUMPY"
# What numpy writes: a Python literal with these three keys, in this order. It is parsed, not evaluated.
_NPY = re.compile(
    r"\{'descr': (?P<descr>.{1,60000}), 'fortran_order': (?P<fortran>True|False), "
    r"'shape': \((?P<shape>[0-9, ]{0,600})\),? *\} *\n?"
)
_PLAIN_DTYPE = re.compile(
    r"'(?P<order>[<>|=]?)(?P<kind>[?bBiufcmMOSUV])(?P<width>[0-9]{0,9})(?P<unit>\[[^']{1,20}\])?'"
)
_KINDS = {"i": "int", "u": "uint", "f": "float", "c": "complex"}


def safetensors(reader: Reader) -> Tensors:
    tensors, metadata, _ = read_safetensors(reader)
    return tensors_of([tensor for tensor, _ in tensors.values()], metadata)


def read_safetensors(reader: Reader) -> tuple[dict[str, tuple[Tensor, int]], dict[str, Any], int]:
    """Each tensor with the offset of its bytes from where data begins, the author's metadata, and where data begins.

    The first eight bytes are the length of the JSON header, which must not be longer than the file.
    """
    start = reader.head(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= reader.size - 8:
        raise FormatMismatch("This is not a safetensors file: its header would be longer than the file.")
    if length > MAX_HEADER:
        raise PreviewTooLarge
    try:
        header = json.loads(reader.read(8, length))
        metadata = header.pop("__metadata__", {})
        tensors = {name: (_tensor(name, spec), spec["data_offsets"][0]) for name, spec in header.items()}
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise FormatMismatch("This is not a safetensors file: its header does not describe tensors.") from error
    return tensors, metadata if isinstance(metadata, dict) else {}, 8 + length


def npy(reader: Reader) -> Tensors:
    return tensors_of([_npy_header(reader.head(_MAX_NPY_HEADER), "array")], {})


def npz(reader: Reader) -> Tensors:
    """The arrays of a zip, from the headers of its first members."""
    try:
        with zipfile.ZipFile(SeekableFile(reader)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            tensors = [read_member(archive, member) for member in members[:MAX_MEMBERS]]
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise FormatMismatch("This is not an archive of arrays, despite its name.") from error
    preview = tensors_of(tensors, {})
    if len(members) > MAX_MEMBERS:
        return replace(preview, note=f"The first {MAX_MEMBERS} of {len(members):,} arrays.")
    return preview


def _tensor(name: str, spec: dict[str, Any]) -> Tensor:
    begin, end = spec["data_offsets"]
    shape = tuple(spec["shape"])
    if not all(type(number) is int and 0 <= number < _MAX_COUNT for number in (begin, end)) or begin > end:
        raise ValueError(name)
    if not is_shape(shape):
        raise ValueError(name)
    return Tensor(cell(name), str(spec["dtype"])[:20], shape, end - begin)


def is_shape(shape: tuple[Any, ...]) -> bool:
    """Whether an array can have this shape."""
    if len(shape) > _MAX_DIMENSIONS or not all(type(length) is int and length >= 0 for length in shape):
        return False
    return prod(shape) < _MAX_COUNT and all(length < _MAX_COUNT for length in shape)


def tensors_of(tensors: list[Tensor], metadata: dict[str, Any]) -> Tensors:
    """The preview of these tensors, in natural order, with the totals of all and of each dtype."""
    tensors.sort(key=lambda tensor: natural_order.sort_key(tensor.name))
    total = _total("", tensors)
    note = f"{_count(total.count, 'tensor')}, {_count(total.parameters, 'parameter')}."
    if len(tensors) > MAX_TENSORS:
        note += f" The first {MAX_TENSORS} are shown."
    groups: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.dtype, []).append(tensor)
    by_dtype = [_total(dtype, groups[dtype]) for dtype in sorted(groups, key=natural_order.sort_key)[:_MAX_TOTALS]]
    return Tensors(tensors[:MAX_TENSORS], json_tree.rows(metadata), note, [*by_dtype, total])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _total(dtype: str, tensors: list[Tensor]) -> Total:
    sizes = [tensor.size for tensor in tensors if tensor.size is not None]
    size = sum(sizes) if len(sizes) == len(tensors) else None
    return Total(dtype, len(tensors), sum(prod(tensor.shape) for tensor in tensors), size)


def _npy_header(data: bytes, name: str) -> Tensor:
    """The header of one array: magic, version, length, then the literal."""
    if data[:6] != _NPY_MAGIC or len(data) < 12 or data[6] not in (1, 2, 3):
        raise FormatMismatch("This is not a NumPy array, despite its name.")
    start, form = (10, "<H") if data[6] == 1 else (12, "<I")
    (length,) = struct.unpack_from(form, data, 8)
    literal = data[start : start + length].decode("utf-8" if data[6] == 3 else "latin-1", "replace")
    match = _NPY.fullmatch(literal.rstrip(" \n") + "\n") if len(literal) == length <= _MAX_NPY_HEADER else None
    if match is None:
        raise FormatMismatch("This NumPy array cannot be read.")
    shape = tuple(int(part) for part in match["shape"].split(",") if part.strip())
    dtype, width = _dtype(match["descr"])
    if not (is_shape(shape) and prod(shape) * (width or 1) < _MAX_COUNT):
        raise FormatMismatch("This NumPy array cannot be read: no memory would hold one of its shape.")
    return Tensor(name, dtype, shape, prod(shape) * width if width else None)


def _dtype(descr: str) -> tuple[str, int | None]:
    """A readable dtype, and its width in bytes."""
    match = _PLAIN_DTYPE.fullmatch(descr)
    if match is None:
        return f"structured {descr}"[:200], None
    kind, width = match["kind"], int(match["width"] or 1)
    if kind == "O":
        return "object (pickled, never opened)", None
    if kind in "b?":
        return ("bool" if match["width"] in ("", "1") else f"int{width * 8}"), width
    if kind in _KINDS:
        swapped = " (big-endian)" if match["order"] == ">" else ""
        return f"{_KINDS[kind]}{width * 8}{swapped}", width
    if kind == "U":
        return f"text of {width}", 4 * width
    return f"{kind}{match['width']}{match['unit'] or ''}", 8 if kind in "mM" else width


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Tensor:
    """The array in a member of an archive, from its header."""
    with archive.open(member) as file:
        return _npy_header(file.read(_MEMBER_HEAD), cell(member.filename.removesuffix(".npy")))
