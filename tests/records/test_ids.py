from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from wanllmdb.records import ids


@given(st.integers(0, (1 << 128) - 1))
def test_texts_are_those_of_ulid(number):
    ulid = ULID.from_int(number)
    assert ids.to_text(ulid) == str(ulid)
    assert ids.parse(str(ulid)) == ulid


def test_new_ones_rise():
    made = [ids.new_ulid() for _ in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert abs(made[0].timestamp - ULID().timestamp) < 60
