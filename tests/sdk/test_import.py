import subprocess
import sys
from pathlib import Path

import pytest

import wanllmdb


def python(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout


def test_importing_loads_nothing_and_takes_no_time():
    out = python("""
import sys, time
before = set(sys.modules)
started = time.perf_counter()
import wanllmdb as wandb
seconds = time.perf_counter() - started
heavy = {"django", "rest_framework", "celery", "boto3", "rich", "typer", "urllib3", "wanllmdb.sdk"}
print(seconds < 0.15, heavy & set(sys.modules), wandb.run)
""")
    assert out == "True set() None\n"


def test_the_sdk_loads_nothing_of_the_server():
    out = python("""
import sys
import wanllmdb.sdk.cli
print({"django", "celery", "boto3", "accounts", "projects", "artifacts", "wanllmdb.settings"} & set(sys.modules))
""")
    assert out == "set()\n"


@pytest.mark.parametrize("name", wanllmdb.__all__)
def test_every_public_name_is_there(name):
    assert getattr(wanllmdb, name) is not None
    assert name in dir(wanllmdb)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = wanllmdb.nope


def test_the_servers_modules_are_not_shadowed():
    # They are modules of the same package in a checkout.
    modules = {path.stem for path in Path(wanllmdb.__file__).parent.glob("*.py")} | {"sdk"}
    assert not modules & set(wanllmdb.__all__)


def test_before_init_there_is_no_run():
    assert wanllmdb.run is None
    assert not hasattr(wanllmdb, "config")
    for act in (lambda: wanllmdb.log({"a": 1}), lambda: wanllmdb.use_artifact("a"), lambda: wanllmdb.summary):
        with pytest.raises(wanllmdb.NotInitialized, match=r"call wanllmdb\.init\(\) first"):
            act()
    wanllmdb.finish()
