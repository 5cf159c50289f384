"""Pickles: what loading them would import, read from their opcodes. Nothing is loaded, and nothing imported.

The modules of a pickle may be the result of a computation that only loading would do: then a name is unknown.
"""

import io
import pickletools
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from artifacts import natural_order
from artifacts.previews import archive_preview
from artifacts.previews.reader import Reader, SeekableFile
from artifacts.previews.results import FormatMismatch, Import, Pickle, PreviewTooLarge, cell

MAX_PICKLE = 8 * 2**20
MAX_OPCODES = 200_000
MAX_IMPORTS = 200
UNKNOWN = "a computed name"
# With which pickles begin since Python 2.3.
_PROTOCOL = b"\x80"
# What breaks off so early is something else.
_SHORT = 64
# The old format of PyTorch: so many pickles, of which this number is the first, then the bytes of the tensors.
TORCH_PICKLES = 5
TORCH_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_PARTLY = "Not all of this file was read: there may be other imports."
# Modules and names that saved arrays, tensors and data frames need. Loading others runs code of their authors' choice.
_USUAL = (
    "collections OrderedDict defaultdict Counter deque",
    "torch FloatStorage HalfStorage BFloat16Storage DoubleStorage LongStorage IntStorage ShortStorage ByteStorage "
    "CharStorage BoolStorage Size device",
    "torch._utils _rebuild_tensor _rebuild_tensor_v2 _rebuild_parameter",
    "torch.storage UntypedStorage TypedStorage _load_from_bytes",
    "numpy ndarray dtype",
    "numpy.core.multiarray _reconstruct scalar",
    "numpy._core.multiarray _reconstruct scalar",
    "numpy.core.numeric _frombuffer",
    "numpy._core.numeric _frombuffer",
    "builtins set frozenset bytearray complex list dict tuple int float str bytes bool slice range",
    "__builtin__ set frozenset bytearray complex list dict tuple int float str unicode long object",
    "copy_reg _reconstructor",
    "copyreg _reconstructor",
    "_codecs encode",
    "datetime datetime date time timedelta timezone",
    "decimal Decimal",
    "uuid UUID",
    "pathlib Path PosixPath PurePosixPath WindowsPath",
)
_USUAL_NAMES = {f"{line.split()[0]}.{name}" for line in _USUAL for name in line.split()[1:]} - {
    # It unpickles once more.
    "torch.storage._load_from_bytes"
}
_DANGEROUS = """
    os posix nt subprocess sys socket shutil runpy pty importlib ctypes commands webbrowser code codeop pdb
    asyncio multiprocessing threading signal builtins __builtin__ operator _operator functools types pickle _pickle
    marshal imp pip pydoc timeit cProfile profile bdb http urllib requests httplib smtplib ftplib tempfile io _io
    torch.hub torch.jit torch.storage
"""
_DANGEROUS_MODULES = set(_DANGEROUS.split())
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, OSError, ValueError, PreviewTooLarge,
)  # fmt: skip
_STRINGS = frozenset(
    ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING")
)


def preview(reader: Reader) -> Pickle:
    """Of a pickle, or of the pickles in a zip as PyTorch saves them. Raises `FormatMismatch` for what is neither."""
    if _is_zip(reader):
        return _zipped(reader)
    data = reader.head(MAX_PICKLE)
    names, is_whole = imports(data, is_cut=len(data) < reader.size)
    if not is_whole and not names and (not data.startswith(_PROTOCOL) or reader.size < _SHORT):
        raise FormatMismatch("This is not a pickle, despite its name.")
    return _result(names, [], "" if is_whole else _PARTLY)


def _zipped(reader: Reader) -> Pickle:
    members, count = archive_preview.zip_members(reader)
    names: set[str] = set()
    found, is_whole = False, count == len(members)
    try:
        for data, is_cut in _members(reader):
            more, is_read = imports(data, is_cut=is_cut)
            names, found, is_whole = names | more, True, is_whole and is_read
    except _UNREADABLE:
        is_whole = False
    if not found and is_whole:
        raise FormatMismatch("This zip holds no pickle.")
    return _result(names, members, "" if is_whole else _PARTLY)


def pickles(reader: Reader) -> Iterator[tuple[bytes, bool]]:
    """The beginning of a pickle, or of each in a zip as far as it can be read, and whether that is cut off."""
    if not _is_zip(reader):
        data = reader.head(MAX_PICKLE)
        yield data, len(data) < reader.size
        return
    with suppress(*_UNREADABLE):
        yield from _members(reader)


def _is_zip(reader: Reader) -> bool:
    return reader.head(4) == b"PK\x03\x04"


def _members(reader: Reader) -> Iterator[tuple[bytes, bool]]:
    with zipfile.ZipFile(SeekableFile(reader)) as archive:
        for info in archive.infolist():
            if info.filename.endswith((".pkl", ".pickle")):
                with archive.open(info) as file:
                    yield file.read(MAX_PICKLE), info.file_size > MAX_PICKLE


def imports(data: bytes, *, is_cut: bool = False) -> tuple[set[str], bool]:
    """The names that the pickles in `data` import, and whether all that loading would read was read.

    `is_cut` says that the file goes on behind `data`. One pickle may follow another: some programs load them all.
    """
    names: set[str] = set()
    file = io.BytesIO(data)
    opcodes = pickles = 0
    try:
        while file.tell() < len(data):
            if pickles == TORCH_PICKLES and data.startswith(TORCH_MAGIC):
                return names, True
            for name in _names(file):
                opcodes += 1
                if opcodes > MAX_OPCODES or len(names) > MAX_IMPORTS:
                    return names, False
                if name:
                    names.add(cell(name))
            pickles += 1
    except Exception:  # Hostile bytes raise errors of many kinds in pickletools.
        return names, False
    return names, pickles > 0 and not is_cut


def _names(file: io.BytesIO) -> Iterator[str]:
    """For each opcode of the next pickle: the name that it imports, or ""."""
    strings: list[str] = []
    memo: dict[int, str] = {}
    for opcode, argument, _ in pickletools.genops(file):
        match opcode.name:
            case "GLOBAL" | "INST":
                yield str(argument).replace(" ", ".", 1)
            case "STACK_GLOBAL":
                yield ".".join(strings) if len(strings) > 1 and UNKNOWN not in strings else UNKNOWN
            case "EXT1" | "EXT2" | "EXT4":
                yield UNKNOWN
            case _:
                yield ""
        _remember(opcode.name, argument, strings, memo)


def _remember(name: str, argument: Any, strings: list[str], memo: dict[int, str]) -> None:
    """Keep the last texts of the stack, and those that are recalled later."""
    if name in _STRINGS:
        strings.append(str(argument)[:500])
    elif name == "MEMOIZE":
        memo[len(memo)] = strings[-1] if strings else ""
    elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
        memo[argument] = strings[-1] if strings else ""
    elif name in ("GET", "BINGET", "LONG_BINGET"):
        strings.append(memo.get(argument, UNKNOWN))
    elif name not in ("FRAME", "PROTO"):
        # Anything else on the stack is no text of ours.
        strings.append(UNKNOWN)
    del strings[:-2]


def _result(names: set[str], members: list[Any], note: str) -> Pickle:
    found = [Import(name, _risk(name)) for name in names]
    found.sort(key=lambda item: ({"code": 0, "unknown": 1, "": 2}[item.risk], natural_order.sort_key(item.name)))
    return Pickle(found[:MAX_IMPORTS], members, note)


def _risk(name: str) -> str:
    if name in _USUAL_NAMES:
        return ""
    module = name.rpartition(".")[0]
    first = module.partition(".")[0]
    return "code" if module in _DANGEROUS_MODULES or first in _DANGEROUS_MODULES or name == UNKNOWN else "unknown"
