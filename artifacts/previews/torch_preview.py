"""Tensors in PyTorch's files: names, types and shapes, from the opcodes of the pickle that describes them.

Nothing is unpickled. The opcodes are followed on a stack of plain values: texts, numbers, tuples, lists, dictionaries
and names. Where a pickle imports or calls something, it is looked up below, and a call of anything else gives an object
of which only the attributes are kept.
"""

import io
import pickletools
import time
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from artifacts.previews import pickle_preview, tensor_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import Pickle, Tensor, cell

MAX_OPCODES = 200_000
MAX_VALUES = 50_000
MAX_DEPTH = 16
_CPU_SECONDS = 0.7
# Type and bytes of a number, by the storage that has it.
_STORAGES = {
    "FloatStorage": ("float32", 4), "DoubleStorage": ("float64", 8), "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2), "LongStorage": ("int64", 8), "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2), "CharStorage": ("int8", 1), "ByteStorage": ("uint8", 1), "BoolStorage": ("bool", 1),
    "ComplexFloatStorage": ("complex64", 8), "ComplexDoubleStorage": ("complex128", 16),
    "QInt8Storage": ("qint8", 1), "QUInt8Storage": ("quint8", 1), "QInt32Storage": ("qint32", 4),
}  # fmt: skip
# Of tensors that name their type themselves.
_DTYPES = dict(_STORAGES.values()) | {
    "uint16": 2, "uint32": 4, "uint64": 8, "float8_e4m3fn": 1, "float8_e5m2": 1, "float8_e4m3fnuz": 1,
    "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1,
}  # fmt: skip
_BUILT = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_qtensor")
_WITH_TYPE = "torch._utils._rebuild_tensor_v3"
_PARAMETERS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_DICTIONARIES = ("collections.OrderedDict", "collections.defaultdict")
# In which a module keeps what it has: `layer.weight` is in `_modules["layer"]._parameters["weight"]`.
_OF_MODULES = ("_modules", "_parameters", "_buffers")
_MARK = object()
# Most of what a pickle has. They push what stands in the opcode itself.
_CONSTANTS = frozenset(
    ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING",
     "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
)  # fmt: skip
_PUTS = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
# The clock is read after so many opcodes.
_CLOCK_STEP = 500


@dataclass(frozen=True, slots=True)
class _Name:
    """What a pickle would import."""

    name: str


@dataclass(frozen=True, slots=True)
class _Storage:
    type: str


@dataclass(slots=True)
class _Object:
    """What a call would return that is not known here."""

    attributes: Any = None


@dataclass
class _Stack:
    values: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def pop(self) -> Any:
        return self.values.pop()

    def pop_to_mark(self) -> list[Any]:
        values = []
        while (value := self.values.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def follow(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        if opcode.name in _CONSTANTS:
            self.values.append(argument)
            return
        if opcode.name in _PUTS:
            self.memo[argument] = self.values[-1]
            return
        match opcode.name:
            case "MARK":
                self.values.append(_MARK)
            case "GLOBAL":
                self.values.append(_Name(str(argument).replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                name, module = self.pop(), self.pop()
                self.values.append(_Name(f"{module}.{name}" if isinstance(name, str) else ""))
            case "BINPERSID":
                self.values.append(_storage(self.pop()))
            case "REDUCE":
                arguments, function = self.pop(), self.pop()
                self.values.append(_call(function, arguments))
            case "BUILD":
                attributes = self.pop()
                if isinstance(self.values[-1], _Object):
                    self.values[-1].attributes = attributes
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = len(opcode.stack_before)
                self.values[len(self.values) - count :] = [tuple(self.values[len(self.values) - count :])]
            case "TUPLE":
                self.values.append(tuple(self.pop_to_mark()))
            case "EMPTY_LIST" | "LIST":
                self.values.append(self.pop_to_mark() if opcode.name == "LIST" else [])
            case "EMPTY_DICT":
                self.values.append({})
            case "DICT":
                self.values.append(_set({}, self.pop_to_mark()))
            case "SETITEM":
                value, key = self.pop(), self.pop()
                _set(self.values[-1], [key, value])
            case "SETITEMS":
                pairs = self.pop_to_mark()
                _set(self.values[-1], pairs)
            case "APPEND":
                _append(self.values[-2], [self.pop()])
            case "APPENDS":
                values = self.pop_to_mark()
                _append(self.values[-1], values)
            case "MEMOIZE":
                self.memo[len(self.memo)] = self.values[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                self.values.append(self.memo[argument])
            case _:
                self._follow_other(opcode)

    def _follow_other(self, opcode: pickletools.OpcodeInfo) -> None:
        """What takes values from the stack and puts unknown ones there, as many as it says."""
        before, after = opcode.stack_before, opcode.stack_after
        if pickletools.markobject in before:
            self.pop_to_mark()
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self.pop()
        self.values += [_Object() for _ in after]


def may_have_tensors(preview: Pickle) -> bool:
    """Whether a pickle with these imports can describe tensors."""
    return any(found.name.startswith("torch._utils._rebuild_") for found in preview.imports)


def with_tensors(preview: Pickle, reader: Reader) -> Pickle:
    """The preview of a file with the tensors that it describes, as many as can be read."""
    found: list[Tensor] = []
    is_whole = True
    for data, is_cut in pickle_preview.pickles(reader):
        more, is_read = tensors(data, is_cut=is_cut)
        found += more
        is_whole = is_whole and is_read
    if not found:
        return preview
    table = tensor_preview.tensors_of(found, {})
    notes = (table.note, "" if is_whole else "There may be others: not all of them could be read.", preview.note)
    return replace(preview, tensors=table.tensors, totals=table.totals, note=" ".join(filter(None, notes)))


def tensors(data: bytes, *, is_cut: bool = False) -> tuple[list[Tensor], bool]:
    """The tensors that the pickles in `data` describe, named by where they are, and whether these are all.

    `is_cut` says that the file goes on behind `data`.
    """
    deadline = time.process_time() + _CPU_SECONDS
    found: list[Tensor] = []
    file = io.BytesIO(data)
    opcodes = pickles = 0
    is_whole = True
    try:
        while file.tell() < len(data):
            if pickles == pickle_preview.TORCH_PICKLES and data.startswith(pickle_preview.TORCH_MAGIC):
                return found, is_whole
            stack = _Stack()
            for opcode, argument, _ in pickletools.genops(file):
                opcodes += 1
                if opcodes > MAX_OPCODES or (opcodes % _CLOCK_STEP == 0 and time.process_time() > deadline):
                    # What the outermost dictionary has by now.
                    return found + _found_in(stack.values[0])[0], False
                if opcode.name != "STOP":
                    stack.follow(opcode, argument)
            pickles += 1
            more, is_all = _found_in(stack.pop())
            found += more
            is_whole = is_whole and is_all
    except Exception:  # Hostile bytes raise errors of many kinds, here as in pickletools.
        return found, False
    return found, is_whole and not is_cut


def _found_in(root: Any) -> tuple[list[Tensor], bool]:
    """The tensors in a value, and whether these are all: a value may hold itself, or another one many times over."""
    found: list[Tensor] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), root)]
    left = MAX_VALUES
    is_whole = True
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Tensor):
            found.append(Tensor(cell(".".join(path)) or "tensor", value.dtype, value.shape, value.size))
            continue
        if isinstance(value, _Object):
            value = value.attributes
        items: list[tuple[Any, Any]] = []
        if isinstance(value, dict):
            items = list(value.items())
        elif isinstance(value, list | tuple):
            items = list(enumerate(value))
        if items and (len(path) == MAX_DEPTH or len(items) > left):
            is_whole = False
            continue
        left -= len(items)
        for key, item in reversed(items):
            if isinstance(item, Tensor | _Object | dict | list | tuple):
                waiting.append((path if key in _OF_MODULES else (*path, cell(str(key))), item))
    return found, is_whole


def _storage(identity: Any) -> Any:
    """What stands for bytes that are beside the pickle: ("storage", its class, key, device, count)."""
    match identity:
        case ("storage", _Name(name=name), *_):
            return _Storage(name.rpartition(".")[2])
    return _Object()


def _call(function: Any, arguments: Any) -> Any:
    match function, arguments:
        case _Name(name=name), (_Storage(type=storage), _, tuple() as shape, *_) if name in _BUILT:
            return _tensor(*_STORAGES.get(storage, (storage, None)), shape)
        case _Name(name=name), (_Storage(), _, tuple() as shape, _, _, _, _Name(name=dtype), *_) if name == _WITH_TYPE:
            dtype = dtype.removeprefix("torch.")
            return _tensor(dtype, _DTYPES.get(dtype), shape)
        case _Name(name=name), (Tensor() as tensor, *_) if name in _PARAMETERS:
            return tensor
        case _Name(name=name), (list() as pairs,) if name in _DICTIONARIES:
            # What Python 2 has saved.
            return _set({}, [part for pair in pairs if isinstance(pair, list) and len(pair) == 2 for part in pair])
        case _Name(name=name), _ if name in _DICTIONARIES:
            return {}
    return _Object()


def _tensor(dtype: str, width: int | None, shape: tuple[Any, ...]) -> Any:
    if not tensor_preview.is_shape(shape):
        return _Object()
    return Tensor("", cell(dtype), shape, None if width is None else prod(shape) * width)


def _set(target: Any, pairs: list[Any]) -> Any:
    """Keys that are neither text nor a number are left out, with what they stand for."""
    if isinstance(target, dict):
        target |= {key: value for key, value in zip(pairs[::2], pairs[1::2], strict=False) if type(key) in (str, int)}
    return target


def _append(target: Any, values: list[Any]) -> None:
    if isinstance(target, list):
        target += values
