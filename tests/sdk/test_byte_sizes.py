import pytest

from wanllmdb.sdk import byte_sizes, errors


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        (7, 7),
        ("7B", 7),
        ("50GB", 50 * 10**9),
        ("50 gb", 50 * 10**9),
        ("500M", 500 * 10**6),
        (" 1.5 GiB ", 3 << 29),
        ("2Ti", 2 << 40),
        ("1kB", 1000),
    ],
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert byte_sizes.parse(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1 PB", "1iB", "1,5GB", "50GB!", "٣", "1e9", "50 G B"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(errors.Invalid, match="is not a size: use a number of bytes, or one such as '50GB' or '500MiB'"):
        byte_sizes.parse(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 29, "1.5 GiB"), (5000 << 40, "5000.0 TiB")],
)
def test_sizes_are_shown_in_binary_units(size, text):
    assert byte_sizes.describe(size) == text
