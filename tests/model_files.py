"""Models as PyTorch and ONNX save them, written by hand: neither library is here."""

import io
import struct
import zipfile
from collections.abc import Iterable

Shape = tuple[int, ...]


def torch_zip(pickled: bytes, **options: object) -> bytes:
    """What `torch.save` writes since 1.6."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("archive/data.pkl", pickled, **options)
        archive.writestr("archive/data/0", bytes(64))
        archive.writestr("archive/version", b"3\n")
    return sink.getvalue()


def torch_legacy(pickled: bytes) -> bytes:
    """What it wrote before: four more pickles around it, then the bytes of the tensors."""
    magic, protocol, empty = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", b"\x80\x02M\xe9\x03.", b"\x80\x02}."
    return magic + protocol + empty + pickled + empty + b"\xff" * 200


def state_dict(tensors: dict[str, tuple[str, Shape]], **others: bytes) -> bytes:
    """A pickle of tensors by name, each with its storage class and shape; and others, made by the functions below."""
    items = [text(name) + tensor(*described) for name, described in tensors.items()]
    items += [text(name) + value for name, value in others.items()]
    return pickled(dictionary(items))


def pickled(value: bytes) -> bytes:
    return b"\x80\x02" + value + b"."


def dictionary(items: Iterable[bytes]) -> bytes:
    return b"ccollections\nOrderedDict\n)R(" + b"".join(items) + b"u"


def tensor(storage: str, shape: Shape, function: str = "_rebuild_tensor_v2", rest: bytes = b"\x89)") -> bytes:
    identity = b"(" + text("storage") + f"ctorch\n{storage}\n".encode() + text("0") + text("cpu") + number(4) + b"tQ"
    sizes = b"(" + b"".join(map(number, shape)) + b"t"
    return f"ctorch._utils\n{function}\n(".encode() + identity + number(0) + sizes * 2 + rest + b"tR"


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value: int) -> bytes:
    encoded = value.to_bytes(9, "little", signed=True)
    return b"\x8a\x09" + encoded


def onnx(graph: bytes, producer: str = "pytorch", opsets: dict[str, int] | None = None, **properties: str) -> bytes:
    """A model of IR version 9."""
    sets = [entry(8, entry(1, domain) + entry(2, version)) for domain, version in (opsets or {"": 17}).items()]
    pairs = [entry(14, entry(1, name) + entry(2, value)) for name, value in properties.items()]
    head = entry(1, 9) + entry(2, producer) + entry(3, "2.9.0")
    return head + entry(7, graph) + b"".join(sets) + b"".join(pairs)


def node(operator: str, attribute: bytes = b"") -> bytes:
    """A node of a graph, with an attribute of so many bytes."""
    return entry(1, entry(1, "in") + entry(2, "out") + entry(4, operator) + (entry(5, attribute) if attribute else b""))


def initializer(name: str, type: int, shape: Shape, values: bytes = b"", *, packed: bool = True) -> bytes:
    dims = entry(1, b"".join(map(varint, shape))) if packed else b"".join(entry(1, length) for length in shape)
    return entry(5, dims + entry(2, type) + entry(8, name) + entry(9, values))


def graph_input(name: str, type: int, shape: Iterable[int | str], kind: int = 11) -> bytes:
    """An input of a graph, or an output if `kind` is 12; dimensions that are not fixed have a name."""
    dims = b"".join(entry(1, entry(1 if isinstance(length, int) else 2, length)) for length in shape)
    return entry(kind, entry(1, name) + entry(2, entry(1, entry(1, type) + entry(2, dims))))


def entry(field: int, value: int | str | bytes) -> bytes:
    """A field of a protobuf message."""
    if isinstance(value, int):
        return varint(field << 3) + varint(value)
    encoded = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(encoded)) + encoded


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
