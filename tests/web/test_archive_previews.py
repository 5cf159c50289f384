"""Previews of archives and pickles: what they say of themselves, while nothing is unpacked and nothing loaded."""

import collections
import contextlib
import decimal
import gzip
import io
import os
import pickle
import struct
import tarfile
import zipfile

import pytest

from artifacts.previews import archive_preview, pickle_preview
from artifacts.previews.results import Archive, Import, Member, NoPreview, Pickle, PreviewTooLarge, Table, Text
from tests.web.sample_files import MIB, make_preview, parse, reader_of


def zip_of(members: dict[str, bytes], **options: object) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


def tar_of(members: dict[str, int], mode: str = "w") -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as archive:
        for name, size in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = size
            archive.addfile(entry, io.BytesIO(bytes(size)))
    return sink.getvalue()


def entry_of(name: bytes, size: int = 2**32 - 1, extra: bytes = b"") -> bytes:
    """An entry of the directory of a zip."""
    fields = (b"PK\x01\x02", 20, 20, 0, 8, 0, 0, 0, 10, size, len(name), len(extra), 0, 0, 0, 0, 0)
    return struct.pack("<4s6H3L5H2L", *fields) + name + extra


def directory_of(entries: bytes, count: int) -> bytes:
    return entries + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entries), 0, 0)


class Command:
    def __reduce__(self) -> tuple:
        return os.system, ("touch ran",)


class TestArchives:
    def test_a_zip(self):
        data = zip_of({"a/": b"", "a/b.txt": bytes(1000), "../../etc/passwd": b"x"}, compression=zipfile.ZIP_DEFLATED)
        preview = parse("x.zip", data)

        assert preview == Archive(
            [Member("a/", None), Member("a/b.txt", 1000, preview.members[1].packed), Member("../../etc/passwd", 1, 3)],
            "3 members.",
        )
        assert preview.members[1].packed < 30
        assert parse("noname", data) == preview

    def test_sizes_beyond_32_bits(self):
        extra = struct.pack("<HHHHQ", 7, 0, 1, 8, 10**12)
        preview = parse("x.zip", directory_of(entry_of(b"large", extra=extra), 1))

        assert preview.members == [Member("large", 10**12, 10)]

    def test_a_million_members_are_not_read(self):
        entries = entry_of(b"x" * 20, 1)
        count = 10**6
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(entries) * count, 0)
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(entries) * count, 1)
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
        data = entries * count + end64 + locator + end
        reader = reader_of(data)
        preview = archive_preview.zipped(reader)

        assert len(preview.members) == archive_preview.MAX_MEMBERS
        assert preview.note == "The first 1,000 of 1,000,000 members."
        assert reader._bytes_left > 31 * MIB

    @pytest.mark.parametrize(
        "data",
        [
            b"PK\x03\x04",
            b"PK\x05\x06" + bytes(10),
            directory_of(b"", 9),
            directory_of(b"y" * 100, 1),
            b"\0" * 100,
        ],
    )
    def test_zips_that_lie(self, data):
        assert isinstance(parse("x.zip", data), NoPreview | Text)

    @pytest.mark.parametrize(
        ("name", "mode"),
        [("x.tar", "w"), ("x.tar.gz", "w:gz"), ("x.tgz", "w:gz"), ("x.tar.bz2", "w:bz2"), ("x.txz", "w:xz")],
    )
    def test_a_tar(self, name, mode):
        preview = parse(name, tar_of({"a.txt": 700, "b/c" * 60: 3}, mode))
        assert preview == Archive([Member("a.txt", 700), Member("b/c" * 60, 3)], "2 members.")

    def test_a_bomb_and_one_that_is_cut_have_their_first_members(self):
        bomb = tar_of({"a": 5, "bomb": 200 * MIB, "c": 5}, "w:gz")
        assert len(bomb) < MIB
        first = [Member("a", 5), Member("bomb", 200 * MIB)]
        note = "The first 2 members: the rest of the archive was not read."

        assert make_preview("x.tar.gz", bomb) == Archive(first, note)
        assert make_preview("x.tgz", bomb[: len(bomb) // 2]) == Archive(first, note)
        many = make_preview("x.tar", tar_of({f"{number}": 0 for number in range(1_500)}))
        assert len(many.members) == archive_preview.MAX_MEMBERS and "was not read" in many.note

    @pytest.mark.parametrize("data", [b"x" * 600, b"\x1f\x8b" + b"x" * 600, gzip.compress(b"x" * 600, mtime=0)])
    def test_tars_that_are_none(self, data):
        assert isinstance(parse("x.tar.gz", data), NoPreview | Text)

    def test_a_file_in_a_gzip_is_shown_as_what_it_is(self):
        assert parse("x.csv.gz", gzip.compress(b"a,b\n1,2\n")).rows == [["1", "2"]]
        assert isinstance(parse("x.log.gz", gzip.compress(bytes(100 * MIB))), NoPreview)
        assert isinstance(parse("x.png.gz", gzip.compress(b"\x89PNG\r\n\x1a\n")), NoPreview)
        assert isinstance(parse("x.gz.gz", gzip.compress(b"x")), NoPreview)
        assert isinstance(parse("x.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 10**6)), Table)
        assert isinstance(parse("x.csv.gz", b"\x1f\x8bno"), NoPreview)


class TestPickles:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_imports_are_listed_and_what_runs_commands_first(self, protocol, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        value = [collections.OrderedDict(a=1), Command(), decimal.Context(), collections.OrderedDict()]
        preview = parse("x.pkl", pickle.dumps(value, protocol))

        assert isinstance(preview, Pickle)
        assert preview.imports[0] == Import(f"{os.system.__module__}.system", "code")
        assert Import("collections.OrderedDict", "") in preview.imports
        assert Import("decimal.Context", "unknown") in preview.imports
        assert (preview.note, list(tmp_path.iterdir())) == ("", [])

    def test_plain_values_import_nothing(self):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert parse("x.pickle", pickle.dumps({"a": [1, 2.5, None]}, protocol)) == Pickle([], [])

    @pytest.mark.parametrize(
        "program",
        [
            # The name is put together on the stack, from the memo, or by what an extension code means.
            b"\x80\x04\x8c\x02os\x8c\x06system\x8c\x01x0\x93.",
            b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94N0h\x00h\x01\x86N\x93.",
            b"\x80\x04\x82\x01.",
        ],
    )
    def test_a_name_that_only_loading_would_tell_is_the_worst(self, program):
        preview = parse("x.pkl", program)
        assert preview.imports == [Import(pickle_preview.UNKNOWN, "code")]

    def test_a_name_from_the_memo(self):
        program = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940(h\x00h\x01\x93."
        assert parse("x.pkl", program).imports == [Import("os.system", "code")]

    def test_what_comes_before_a_pickle_breaks_off_counts(self):
        data = pickle.dumps([Command()] * 3 + ["x" * 100])
        preview = parse("x.pkl", data[:-40])

        assert [item.risk for item in preview.imports] == ["code"]
        assert preview.note == "Not all of this file was read: there may be other imports."

    def test_files_of_pytorch(self):
        usual = pickle.dumps(collections.OrderedDict(weight=1))
        data = zip_of({"archive/data.pkl": usual, "archive/data/0": bytes(64)})
        for name in ("model.pt", "pytorch_model.bin"):
            preview = parse(name, data)
            assert preview.imports == [Import("collections.OrderedDict", "")]
            assert [member.name for member in preview.members] == ["archive/data.pkl", "archive/data/0"]

    def test_the_old_files_of_pytorch(self):
        """Several pickles, of which the fourth is what was saved, then the bytes of the tensors."""
        head = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
        usual, keys = (pickle.dumps(value, 2) for value in (collections.OrderedDict(weight=1), ["0"]))
        tensors = b"cos\nsystem\n\xff" + bytes(500)

        assert parse("model.pth", head + usual + keys + tensors) == Pickle([Import("collections.OrderedDict", "")], [])

        # The fourth breaks off for who only reads it: that nothing is imported would not be true.
        hostile = b"\x80\x02Ux\xff" + pickle.dumps(Command(), 2)
        for data in (head + hostile + keys, head + usual[:-1] + b"\xff"):
            assert "may be other imports" in parse("model.pth", data).note

    def test_what_comes_behind_the_part_that_is_read_is_unknown(self, monkeypatch):
        plain = pickle.dumps("x" * 100)
        monkeypatch.setattr(pickle_preview, "MAX_PICKLE", len(plain))

        assert parse("x.pkl", plain).note == ""
        assert "may be other imports" in parse("x.pkl", plain + pickle.dumps(Command())).note
        assert "may be other imports" in parse("x.pt", zip_of({"a/data.pkl": plain + pickle.dumps(1)})).note

    @pytest.mark.parametrize("name", ["x.pkl", "x.pt"])
    @pytest.mark.parametrize("data", [b"\x80", b"hello, world", b"\x80\x04\x95\0\0", b"\0" * 99, b"PK\x03\x04x"])
    def test_what_is_no_pickle(self, name, data):
        assert isinstance(parse(name, data), NoPreview | Text)

    def test_a_pickle_of_many_opcodes_takes_no_longer_than_others(self):
        data = b"\x80\x04" + b"N0" * (4 * MIB) + b"cos\nsystem\n."
        with contextlib.suppress(PreviewTooLarge):
            assert make_preview("x.pkl", data).note

    def test_a_bomb_in_a_zip(self):
        data = zip_of({"archive/data.pkl": b"\x80\x02" + b"N0" * (20 * MIB)}, compression=zipfile.ZIP_DEFLATED)
        with contextlib.suppress(PreviewTooLarge):
            assert make_preview("x.pt", data).note
