"""GGUF, the format of llama.cpp: its metadata, and names, types and shapes of its tensors."""

import io
import struct
from math import prod
from typing import Any

from artifacts.previews import tensor_preview
from artifacts.previews.reader import Reader, SeekableFile
from artifacts.previews.results import MAX_CELL, FormatMismatch, Tensor, Tensors, cell

MAX_TENSORS = 20_000
MAX_PAIRS = 2_000
_MAX_STRING = 2**20
_PIECE = 2**20
_MAX_ITEMS = 20
_MAX_DIMENSIONS = 8
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
# Name, numbers in a block and bytes of a block, as ggml.h has them.
_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
}  # fmt: skip


def preview(reader: Reader) -> Tensors:
    """Raises `FormatMismatch` for a header that breaks off or lies, `PreviewTooLarge` for one of many megabytes."""
    file = SeekableFile(reader)
    magic, version, tensor_count, pair_count = _unpack(file, "<4sIQQ")
    if magic != b"GGUF" or version not in (2, 3):
        raise FormatMismatch("This is not a GGUF file of version 2 or 3, despite its name.")
    if tensor_count > MAX_TENSORS or pair_count > MAX_PAIRS:
        raise FormatMismatch("This GGUF file cannot be read: its header has too many entries.")
    metadata = {}
    for _ in range(pair_count):
        name = _string(file)
        metadata[cell(name)] = _value(file, *_unpack(file, "<I"))
    return tensor_preview.tensors_of([_tensor(file) for _ in range(tensor_count)], metadata)


def _unpack(file: SeekableFile, form: str) -> tuple[Any, ...]:
    data = file.read(struct.calcsize(form))
    if len(data) < struct.calcsize(form):
        raise FormatMismatch("This GGUF file cannot be read: its header is truncated.")
    return struct.unpack(form, data)


def _string(file: SeekableFile) -> str:
    (length,) = _unpack(file, "<Q")
    if length > _MAX_STRING:
        raise FormatMismatch("This GGUF file cannot be read: its header has a text that is too long.")
    return _unpack(file, f"<{length}s")[0].decode("utf-8", "replace")


def _value(file: SeekableFile, type: int) -> Any:
    """A value of the metadata; long texts and lists are cut."""
    if type == _STRING:
        return _string(file)[: 10 * MAX_CELL]
    if type == _ARRAY:
        return _array(file)
    if type not in _SCALARS:
        raise FormatMismatch("This GGUF file cannot be read: its header has a value of an unknown type.")
    return _unpack(file, _SCALARS[type])[0]


def _array(file: SeekableFile) -> list[Any]:
    """The first items; the others are skipped, of texts one by one."""
    type, count = _unpack(file, "<IQ")
    if type == _ARRAY:
        raise FormatMismatch("This GGUF file cannot be read: its header has a list of lists.")
    values = [_value(file, type) for _ in range(min(count, _MAX_ITEMS))]
    rest = count - len(values)
    if type == _STRING:
        _skip_strings(file, rest)
    elif rest:
        file.seek(rest * struct.calcsize(_SCALARS[type]), io.SEEK_CUR)
    return [*values, f"… {rest:,} more"] if rest else values


def _skip_strings(file: SeekableFile, count: int) -> None:
    """A vocabulary has hundreds of thousands: they are walked in memory, a piece of the file after the other."""
    start = file.tell()
    data = file.read(_PIECE)
    position = 0
    for _ in range(count):
        if position + 8 > len(data):
            start += position
            file.seek(start)
            data, position = file.read(_PIECE), 0
            if len(data) < 8:
                raise FormatMismatch("This GGUF file cannot be read: its header is truncated.")
        position += 8 + int.from_bytes(data[position : position + 8], "little")
    file.seek(start + position)


def _tensor(file: SeekableFile) -> Tensor:
    name = _string(file)
    (dimensions,) = _unpack(file, "<I")
    if dimensions > _MAX_DIMENSIONS:
        raise FormatMismatch("This GGUF file cannot be read: a tensor has too many dimensions.")
    # The fastest dimension comes first in the file, and last in the shapes that people know.
    shape = _unpack(file, f"<{dimensions}Q")[::-1]
    type, _ = _unpack(file, "<IQ")
    if not tensor_preview.is_shape(shape):
        raise FormatMismatch("This GGUF file cannot be read: one of its tensors is too large.")
    name_of_type, numbers, size = _TYPES.get(type, (f"type {type}", 1, None))
    return Tensor(cell(name), name_of_type, shape, None if size is None else -(-prod(shape) // numbers) * size)
