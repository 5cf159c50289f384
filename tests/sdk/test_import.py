import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import wanllmdb


def python(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout


def test_the_import_loads_itself_and_next_to_nothing_else():
    """So it takes a few milliseconds: the SDK comes with the first use of it, and what it needs of the library too."""
    out = python("""
import sys
before = set(sys.modules)
import wanllmdb as wandb
loaded = set(sys.modules) - before
print(wandb.run, len(loaded), *loaded)
""")
    run, count, *loaded = out.split()
    packages = {name.partition(".")[0] for name in loaded}
    heavy = {"asyncio", "concurrent", "email", "hashlib", "http", "inspect", "json", "logging", "ssl", "subprocess"}
    assert run == "None"
    assert packages - sys.stdlib_module_names == {"wanllmdb"}
    assert {name for name in loaded if name.startswith("wanllmdb")} == {"wanllmdb"}
    assert not packages & heavy
    # 29 with Python 3.11.
    assert int(count) < 50


def test_the_sdk_loads_nothing_of_the_server():
    out = python("""
import sys
import wanllmdb.sdk.cli.main
print({"django", "celery", "boto3", "accounts", "projects", "artifacts", "wanllmdb.settings"} & set(sys.modules))
""")
    assert out == "set()\n"


@pytest.mark.parametrize("name", wanllmdb.__all__)
def test_every_public_name_exists(name):
    assert getattr(wanllmdb, name) is not None
    assert name in dir(wanllmdb)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = wanllmdb.nope


def test_public_names_do_not_shadow_server_modules():
    # In a checkout they are modules of the same package.
    modules = {path.stem for path in Path(wanllmdb.__file__).parent.glob("*.py")} | {"records", "sdk"}
    assert not modules & set(wanllmdb.__all__)


def test_before_init_there_is_no_run():
    assert wanllmdb.run is None
    assert not hasattr(wanllmdb, "config")
    for call in (lambda: wanllmdb.log({"a": 1}), lambda: wanllmdb.use_artifact("a"), lambda: wanllmdb.summary):
        with pytest.raises(wanllmdb.NotInitialized, match=r"call wanllmdb\.init\(\) first"):
            call()
    wanllmdb.finish()


def test_the_wheel_contains_only_the_sdk_and_the_records(tmp_path):
    root = Path(wanllmdb.__file__).parents[1]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sdk = {
        str(path.relative_to(root))
        for folder in ("sdk", "records")
        for path in (root / "wanllmdb" / folder).rglob("*.py")
    }
    assert files == {"wanllmdb/__init__.py", "wanllmdb/__main__.py", "wanllmdb/py.typed", *sdk}


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_the_reference_documents_every_public_name():
    documented = set(re.findall(r"\w+", (Path(wanllmdb.__file__).parents[1] / "docs/sdk.md").read_text()))
    kinds = (wanllmdb.Artifact, wanllmdb.Run, wanllmdb.Api, wanllmdb.Collection, wanllmdb.File, wanllmdb.Project)
    kinds += (wanllmdb.ModelRegistry,)
    names = {"run", "config", "summary", *wanllmdb.__all__, *dir(wanllmdb.registry)} - {"__version__"}
    assert names.union(*map(public, kinds)) - documented == set()
