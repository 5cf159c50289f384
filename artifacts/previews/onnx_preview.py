"""ONNX models: who made them, what goes in and comes out, and names, types and shapes of their tensors.

A model is one protobuf message. It is walked field by field, and the values of tensors are skipped, never read.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from artifacts.previews import tensor_preview
from artifacts.previews.reader import Reader, SeekableFile
from artifacts.previews.results import MAX_CELL, FormatMismatch, PreviewTooLarge, Tensor, Tensors, cell

MAX_TENSORS = 20_000
MAX_NODES = 100_000
MAX_VALUES = 1_000
# Bytes of a text that is cut to a number of characters.
_MAX_TEXT = 4 * MAX_CELL
_MAX_DIMENSIONS = 32
# Each large tensor is one range to read behind it.
_READ_AHEAD = 64 * 2**10
_SECONDS = 2.5
_CPU_SECONDS = 1.2
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
# Name and bits, by the numbers that onnx.proto gives them.
_TYPES = {
    1: ("float32", 32), 2: ("uint8", 8), 3: ("int8", 8), 4: ("uint16", 16), 5: ("int16", 16), 6: ("int32", 32),
    7: ("int64", 64), 8: ("string", None), 9: ("bool", 8), 10: ("float16", 16), 11: ("float64", 64),
    12: ("uint32", 32), 13: ("uint64", 64), 14: ("complex64", 64), 15: ("complex128", 128), 16: ("bfloat16", 16),
    17: ("float8e4m3fn", 8), 18: ("float8e4m3fnuz", 8), 19: ("float8e5m2", 8), 20: ("float8e5m2fnuz", 8),
    21: ("uint4", 4), 22: ("int4", 4), 23: ("float4e2m1", 4),
}  # fmt: skip
# Operators whose nodes may have tensors in them.
_WITH_CONSTANTS = {"Constant", "If", "Loop", "Scan"}
_NO_MODEL = "This is not an ONNX model, despite its name."


def preview(reader: Reader) -> Tensors:
    """Raises `FormatMismatch` for what is no model. Of one with very many tensors or nodes, the first are shown."""
    model = _Model(SeekableFile(reader, _READ_AHEAD))
    is_whole = True
    try:
        model.read(reader.size)
    except PreviewTooLarge:
        is_whole = False
    if not (model.ir_version and model.has_graph):
        raise FormatMismatch(_NO_MODEL)
    found = tensor_preview.tensors_of(model.tensors, model.summary())
    notes = [found.note]
    if not _WITH_CONSTANTS.isdisjoint(model.operators):
        notes.append("Constants inside nodes are not listed.")
    if not is_whole:
        notes.append("The rest of the model was not read: it has too many parts.")
    return replace(found, note=" ".join(notes))


@dataclass
class _Model:
    """What has been read of a model so far."""

    file: SeekableFile
    ir_version: int = 0
    has_graph: bool = False
    nodes: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    opsets: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    operators: Counter[str] = field(default_factory=Counter)
    tensors: list[Tensor] = field(default_factory=list)
    external: int = 0

    def __post_init__(self) -> None:
        self._weights: set[str] = set()
        self._deadline = time.monotonic() + _SECONDS
        self._cpu_deadline = time.process_time() + _CPU_SECONDS

    def read(self, size: int) -> None:
        for number, value in self._fields(size):
            match number, value:
                case 1, int():
                    self.ir_version = value
                case 2 | 3, slice():
                    self.texts["producer" if number == 2 else "producer_version"] = self._text(value)
                case 7, slice():
                    self.has_graph = True
                    self._read_graph(value.stop)
                case 8, slice():
                    self._read_opset(value.stop)
                case 14, slice() if len(self.properties) < MAX_VALUES:
                    self._read_property(value.stop)

    def summary(self) -> dict[str, Any]:
        """What is shown above the tensors, without what the model does not say."""
        said = self.texts | {
            "ir_version": self.ir_version,
            "opsets": self.opsets,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "nodes": self.nodes,
            "operators": dict(self.operators.most_common()),
            "metadata": self.properties,
            "tensors_in_other_files": self.external,
        }
        return {name: value for name, value in said.items() if value}

    def _read_graph(self, end: int) -> None:
        for number, value in self._fields(end):
            match number, value:
                case 1, slice():
                    self._read_node(value.stop)
                case 2, slice():
                    self.texts["graph"] = self._text(value)
                case 5, slice():
                    self._read_tensor(value.stop)
                case 11, slice() if len(self.inputs) < MAX_VALUES:
                    self._read_value(value.stop, self.inputs)
                case 12, slice() if len(self.outputs) < MAX_VALUES:
                    self._read_value(value.stop, self.outputs)

    def _read_node(self, end: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise PreviewTooLarge
        for number, value in self._fields(end):
            if number == 4 and isinstance(value, slice):
                self.operators[self._text(value)] += 1

    def _read_tensor(self, end: int) -> None:
        if len(self.tensors) == MAX_TENSORS:
            raise PreviewTooLarge
        name, type, shape = "", 0, []
        for number, value in self._fields(end):
            match number, value:
                case 1, int():
                    shape.append(value)
                case 1, slice():
                    shape += self._packed(value)
                case 2, int():
                    type = value
                case 8, slice():
                    name = self._text(value)
                case 14, 1:
                    self.external += 1
            if len(shape) > _MAX_DIMENSIONS:
                raise FormatMismatch("This ONNX model cannot be read: a tensor has too many dimensions.")
        if not tensor_preview.is_shape(tuple(shape)):
            raise FormatMismatch("This ONNX model cannot be read: one of its tensors is too large.")
        dtype, bits = _TYPES.get(type, (f"type {type}", None))
        self._weights.add(name)
        self.tensors.append(Tensor(name, dtype, shape, None if bits is None else -(-prod(shape) * bits // 8)))

    def _read_value(self, end: int, values: dict[str, str]) -> None:
        """An input or an output: its name, then the type of its tensor."""
        name, said = "", "not a tensor"
        for number, value in self._fields(end):
            match number, value:
                case 1, slice():
                    name = self._text(value)
                case 2, slice():
                    for kind, inner in self._fields(value.stop):
                        if kind == 1 and isinstance(inner, slice):
                            said = self._tensor_type(inner.stop)
        # Models of IR version 3 have their weights among the inputs.
        if name not in self._weights:
            values[name] = said

    def _tensor_type(self, end: int) -> str:
        type, lengths = "", None
        for number, value in self._fields(end):
            match number, value:
                case 1, int():
                    type = _TYPES.get(value, (f"type {value}", None))[0]
                case 2, slice():
                    lengths = [
                        self._length(dimension.stop)
                        for kind, dimension in self._fields(value.stop)
                        if kind == 1 and isinstance(dimension, slice)
                    ]
        if lengths is None:
            return f"{type}, of any shape"
        return cell(f"{type} {' × '.join(lengths[:_MAX_DIMENSIONS]) or 'scalar'}")

    def _length(self, end: int) -> str:
        """One dimension: a number, the name of one that is known when the model runs, or neither."""
        said = "?"
        for number, value in self._fields(end):
            match number, value:
                case 1, int():
                    said = f"{value:,}"
                case 2, slice():
                    said = self._text(value) or "?"
        return said

    def _read_opset(self, end: int) -> None:
        domain, version = "", 0
        for number, value in self._fields(end):
            match number, value:
                case 1, slice():
                    domain = self._text(value)
                case 2, int():
                    version = value
        if len(self.opsets) < MAX_VALUES:
            # The standard operators have a domain without a name.
            self.opsets[domain or "ai.onnx"] = version

    def _read_property(self, end: int) -> None:
        pair = {number: self._text(value) for number, value in self._fields(end) if isinstance(value, slice)}
        self.properties[pair.get(1, "")] = pair.get(2, "")

    def _fields(self, end: int) -> Iterator[tuple[int, int | slice]]:
        """The fields of the message up to `end`: numbers as they are, of others where their bytes begin and end.

        What the caller leaves of them is skipped.
        """
        while self.file.tell() < end:
            if time.monotonic() > self._deadline or time.process_time() > self._cpu_deadline:
                raise PreviewTooLarge
            key = self._varint(end)
            number, wire_type = key >> 3, key & 7
            if number == 0 or wire_type not in (_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES):
                raise FormatMismatch(_NO_MODEL)
            if wire_type == _VARINT:
                yield number, self._varint(end)
                continue
            length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(wire_type) or self._varint(end)
            position = self.file.tell()
            if position + length > end:
                raise FormatMismatch("This ONNX model cannot be read: it is truncated.")
            if wire_type == _BYTES:
                yield number, slice(position, position + length)
            self.file.seek(position + length)

    def _varint(self, end: int) -> int:
        value = shift = 0
        while self.file.tell() < end and shift < 64 and (byte := self.file.read(1)):
            value |= (byte[0] & 0x7F) << shift
            if byte[0] < 0x80:
                return value
            shift += 7
        raise FormatMismatch("This ONNX model cannot be read: it is truncated.")

    def _packed(self, value: slice) -> list[int]:
        """Numbers one after the other, at most one more than a tensor has dimensions."""
        numbers = []
        while self.file.tell() < value.stop and len(numbers) <= _MAX_DIMENSIONS:
            numbers.append(self._varint(value.stop))
        return numbers

    def _text(self, value: slice) -> str:
        return cell(self.file.read(min(value.stop - value.start, _MAX_TEXT)).decode("utf-8", "replace"))
