"""Previews of what PyTorch and ONNX save: tensors by name, while nothing is unpickled and no values are read."""

import collections
import pickle
import struct

import pytest

from artifacts.previews import onnx_preview, torch_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import Import, NoPreview, Pickle, Tensor, Tensors, Text, Total
from tests.model_files import (
    dictionary,
    entry,
    graph_input,
    initializer,
    node,
    number,
    onnx,
    pickled,
    state_dict,
    tensor,
    text,
    torch_legacy,
    torch_zip,
    varint,
)
from tests.web.sample_files import MIB, make_preview, parse, reader_of

LAYERS = {
    f"layer.{number}.{name}": (storage, shape)
    for number in (10, 2)
    for name, storage, shape in (("weight", "HalfStorage", (8, 4)), ("bias", "FloatStorage", (8,)))
}


def found(data: bytes) -> list[tuple[str, str, str, int | None]]:
    tensors, is_whole = torch_preview.tensors(data)
    assert is_whole
    return [(one.name, one.dtype, one.dimensions, one.size) for one in tensors]


class TestPyTorch:
    @pytest.mark.parametrize("container", [torch_zip, torch_legacy])
    def test_the_tensors_of_a_state_dict(self, container):
        preview = make_preview("model.pt", container(state_dict(LAYERS, epoch=number(3))))

        assert isinstance(preview, Pickle)
        assert [tensor.name for tensor in preview.tensors] == [
            "layer.2.bias", "layer.2.weight", "layer.10.bias", "layer.10.weight",
        ]  # fmt: skip
        assert preview.tensors[1] == Tensor("layer.2.weight", "float16", [8, 4], 64)
        assert preview.totals == [Total("float16", 2, 64, 128), Total("float32", 2, 16, 64), Total("", 4, 80, 192)]
        assert preview.note == "4 tensors, 80 parameters."
        assert Import("torch._utils._rebuild_tensor_v2", "") in preview.imports
        assert len(preview.members) == (3 if container is torch_zip else 0)

    def test_one_in_a_checkpoint_is_named_by_where_it_is(self):
        weight = tensor("BFloat16Storage", (2,))
        module = b"cmodels\nNet\n)\x81}(" + text("_parameters") + dictionary([text("weight") + weight]) + b"ub"
        checkpoint = [
            text("model") + dictionary([text("_modules") + dictionary([text("encoder") + module])]),
            text("optimizer") + b"}" + text("state") + b"}" + number(0) + weight + b"ss",
            text("ema") + b"](" + weight + weight + b"e",
        ]
        assert [name for name, *_ in found(pickled(dictionary(checkpoint)))] == [
            "model.encoder.weight", "optimizer.state.0", "ema.0", "ema.1",
        ]  # fmt: skip

    def test_parameters_types_that_tensors_name_and_what_python_2_saved(self):
        parameter = b"ctorch._utils\n_rebuild_parameter\n(" + tensor("LongStorage", ()) + b"\x88)tR"
        eighth = tensor("UntypedStorage", (4, 2), "_rebuild_tensor_v3", b"\x89)ctorch\nfloat8_e4m3fn\nN")
        pairs = b"ccollections\nOrderedDict\n](](" + text("old") + tensor("FloatStorage", (1,), "_rebuild_tensor", b"")
        assert found(pickled(parameter)) == [("tensor", "int64", "scalar", 8)]
        assert found(pickled(eighth)) == [("tensor", "float8_e4m3fn", "4 × 2", 8)]
        assert found(pickled(pairs + b"ee\x85R")) == [("old", "float32", "1", 4)]
        assert found(pickled(tensor("OddStorage", (3,)))) == [("tensor", "OddStorage", "3", None)]

    def test_what_has_none_is_shown_as_before(self):
        assert make_preview("x.pkl", pickle.dumps(collections.OrderedDict(a=1))).tensors == []
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            value = {"a": [1, 2.5, None, {3}, frozenset("b"), b"c", bytearray(b"d"), (1, 2, 3, 4)]}
            assert found(pickle.dumps([value, collections.Counter("ab"), complex(1, 2)], protocol)) == []

    @pytest.mark.parametrize("shape", [(-1,), (2**64, 2**64), (1,) * 100])
    def test_shapes_that_no_tensor_has(self, shape):
        assert found(pickled(tensor("FloatStorage", shape))) == []

    @pytest.mark.parametrize(
        "program",
        [
            b"",
            b".",
            b"t.",
            b"Q.",
            b"R.",
            b"b.",
            b"u.",
            b"(u.",
            b"h\x00.",
            b"\x93.",
            b"ctorch._utils\n_rebuild_tensor_v2\n)R",
            b"ctorch._utils\n_rebuild_tensor_v2\n((lN(ttR.",
            b"ctorch._utils\n_rebuild_parameter\nNR",
            b"ccollections\nOrderedDict\n](K\x01](e](K\x02eee\x85R",
            b"]q\x00h\x00a",
            b"}" + b"\x8a\xff" + b"\xff" * 255 + b"Ns",
            b"}" + b"\x8b" + struct.pack("<i", 2**30) + b"Ns",
            b"I" + b"9" * 10_000 + b"\n.",
        ],
    )
    def test_pickles_that_lie(self, program):
        assert torch_preview.tensors(b"\x80\x02" + program)[0] == []
        good = tensor("FloatStorage", (1,))
        preview = make_preview("x.pt", torch_zip(pickled(good)[:-1] + program))
        assert isinstance(preview, Pickle)

    def test_one_that_breaks_off_has_the_tensors_of_those_before_it(self):
        data = pickled(tensor("FloatStorage", (1,)))
        preview = make_preview("x.pt", data + data[:-9])

        assert [tensor.name for tensor in preview.tensors] == ["tensor"]
        assert "1 tensor, 1 parameter. There may be others: not all of them could be read." in preview.note

    def test_a_value_in_itself_and_one_that_is_everywhere(self):
        weight = tensor("FloatStorage", (1,))
        in_itself, is_whole = torch_preview.tensors(pickled(b"]q\x00(h\x00" + weight + b"e"))
        assert (len(in_itself), is_whole) == (torch_preview.MAX_DEPTH, False)
        # Each list holds the one before eight times: the last one holds a billion tensors.
        everywhere = weight + b"".join(b"q%c](" % level + b"h%c" % level * 8 + b"e" for level in range(10))
        tensors, is_whole = torch_preview.tensors(pickled(everywhere))
        assert 10_000 < len(tensors) < torch_preview.MAX_VALUES and not is_whole

    def test_many_opcodes_end_in_time(self):
        first = b"}(" + text("first") + tensor("FloatStorage", (1,)) + b"u"
        tensors, is_whole = torch_preview.tensors(pickled(first + b"(" + b"N" * torch_preview.MAX_OPCODES + b"u"))
        assert ([one.name for one in tensors], is_whole) == (["first"], False)

    def test_keys_that_collide_leave_the_imports(self):
        # Keys of one hash: to put them into a dictionary takes the square of their number.
        keys = (index * (2**61 - 1) for index in range(60_000))
        pairs = b"".join(b"\x8a\x0b" + key.to_bytes(11, "little") + b"N" for key in keys)
        program = b"ctorch._utils\n_rebuild_tensor_v2\ncos\nsystem\n}(" + pairs + b"u"
        preview = make_preview("x.pt", torch_zip(pickled(program)))

        assert isinstance(preview, Pickle)
        assert preview.imports[0] == Import("os.system", "code")

    def test_a_bomb(self):
        bomb = pickled(b"ctorch._utils\n_rebuild_tensor_v2\n" + b"N" * 200 * MIB)
        preview = make_preview("x.pt", torch_zip(bomb, compress_type=8))
        assert isinstance(preview, Pickle) and "Not all of this file was read" in preview.note


class TestOnnx:
    MODEL = onnx(
        node("Conv")
        + node("Conv", bytes(200_000))
        + node("Relu")
        + entry(2, "main_graph")
        + initializer("conv.10.weight", 1, (64, 3, 7, 7), bytes(300_000))
        + initializer("conv.2.bias", 10, (64,), packed=False)
        + initializer("steps", 7, ())
        + initializer("packed", 22, (3,))
        + graph_input("conv.2.bias", 10, (64,))
        + graph_input("image", 1, ("batch", 3, 224, ""))
        + graph_input("count", 7, ())
        + graph_input("scores", 1, ("batch", 1_000), kind=12),
        opsets={"": 17, "com.microsoft": 1},
        author="somebody",
    )

    def test_a_model(self):
        preview = make_preview("model.onnx", self.MODEL)

        assert isinstance(preview, Tensors)
        assert [(one.name, one.dtype, one.dimensions, one.size) for one in preview.tensors] == [
            ("conv.2.bias", "float16", "64", 128),
            ("conv.10.weight", "float32", "64 × 3 × 7 × 7", 37_632),
            ("packed", "int4", "3", 2),
            ("steps", "int64", "scalar", 8),
        ]
        assert [(row.key, row.text) for row in preview.metadata if row.act != "close"] == [
            ("producer", '"pytorch"'),
            ("producer_version", '"2.9.0"'),
            ("graph", '"main_graph"'),
            ("ir_version", "9"),
            ("opsets", "{2}"),
            ("ai.onnx", "17"),
            ("com.microsoft", "1"),
            ("inputs", "{2}"),
            ("image", '"float32 batch × 3 × 224 × ?"'),
            ("count", '"int64 scalar"'),
            ("outputs", "{1}"),
            ("scores", '"float32 batch × 1,000"'),
            ("nodes", "3"),
            ("operators", "{2}"),
            ("Conv", "2"),
            ("Relu", "1"),
            ("metadata", "{1}"),
            ("author", '"somebody"'),
        ]
        assert preview.note == "4 tensors, 9,476 parameters."

    def test_inputs_that_are_no_tensors_or_of_any_shape(self):
        sequence = entry(11, entry(1, "list") + entry(2, entry(4, b"")))
        free = entry(11, entry(1, "free") + entry(2, entry(1, entry(1, 1))))
        rows = parse("x.onnx", onnx(sequence + free)).metadata
        assert ("list", '"not a tensor"') in [(row.key, row.text) for row in rows]
        assert ("free", '"float32, of any shape"') in [(row.key, row.text) for row in rows]

    def test_values_in_other_files_and_in_nodes_are_told(self):
        external = entry(5, entry(1, 4) + entry(2, 1) + entry(8, "w") + entry(14, 1))
        preview = parse("x.onnx", onnx(node("Constant") + external))

        assert ("tensors_in_other_files", "1") in [(row.key, row.text) for row in preview.metadata]
        assert preview.note == "1 tensor, 4 parameters. Constants inside nodes are not listed."

    def test_the_values_of_large_tensors_are_not_read(self):
        head = entry(1, 9)
        tensors = [entry(1, varint(2**28)) + entry(2, 1) + entry(8, f"w{index}") for index in range(3)]
        size = 2**30
        # Field 9 of each tensor has a gigabyte, which is in no memory here.
        parts = [tensor + varint(9 << 3 | 2) + varint(size) for tensor in tensors]
        graph = [varint(5 << 3 | 2) + varint(len(part) + size) + part for part in parts]
        head += varint(7 << 3 | 2) + varint(sum(map(len, graph)) + 3 * size)
        starts, position = {}, 0
        for part in (head, *graph):
            starts[position] = part
            position += len(part) + (0 if part is head else size)
        read = []

        def fetch(offset: int, length: int) -> bytes:
            read.append(length)
            data = bytearray(length)
            for start, part in starts.items():
                for index, byte in enumerate(part):
                    if 0 <= start + index - offset < length:
                        data[start + index - offset] = byte
            return bytes(data)

        preview = onnx_preview.preview(Reader(position, fetch))
        assert [tensor.size for tensor in preview.tensors] == [2**30] * 3
        assert sum(read) < MIB

    def test_one_of_more_tensors_than_are_read_says_so(self):
        values = b"".join(initializer(f"w{index}", 1, (1,), bytes(200_000)) for index in range(420))
        preview = onnx_preview.preview(reader_of(onnx(values)))

        assert 100 < len(preview.tensors) < 420
        assert preview.note.endswith("The rest of the model was not read: it has too many parts.")

    @pytest.mark.parametrize("keep", [1, 2, 3, 20, 200, 250_000, -1, -30])
    def test_one_that_is_cut(self, keep):
        assert isinstance(parse("x.onnx", self.MODEL[:keep]), NoPreview | Text)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\0" * 100,
            b"\xff" * 100,
            b"PK\x03\x04",
            entry(1, 9),
            onnx(b"")[2:],
            entry(1, 9) + varint(7 << 3 | 2) + varint(2**63),
            entry(1, 9) + varint(7 << 3 | 2) + varint(2**70),
            entry(1, 9) + varint(7 << 3 | 3),
            onnx(varint(5 << 3 | 2) + varint(1000)),
            onnx(entry(5, entry(1, 2**64 - 1) + entry(2, 1))),
            onnx(entry(5, entry(1, 2**40) * 2 + entry(2, 1))),
            onnx(entry(5, entry(1, 1) * 1000)),
            onnx(entry(5, entry(1, bytes(1000)))),
        ],
    )
    def test_what_is_no_model(self, data):
        assert isinstance(parse("x.onnx", data), NoPreview | Text)

    def test_many_small_fields_end_in_time(self):
        preview = make_preview("x.onnx", entry(1, 9) + entry(7, b"") + entry(1, 9) * 4_000_000)
        assert "was not read" in preview.note

    def test_long_names_are_cut_and_strange_ones_shown(self):
        preview = make_preview("x.onnx", onnx(node("é" * 10_000) + initializer("n" * MIB, 99, (2,)), producer="\0<b>"))
        assert len(preview.tensors[0].name) == 201 and preview.tensors[0].dtype == "type 99"
