"""The SDK under every Python of this machine that it supports, and where users have no home, name or environment.

The interpreters have no packages but those that the SDK declares, and warnings are errors.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest
import tomllib

from harness import servers

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OLDEST = int(PROJECT["requires-python"].removeprefix(">=3."))
# What the unit tests need besides.
TEST_DEPENDENCIES = ["cryptography", "pytest"]
# Not those that build the wheel, wait, or hash large files: they take long, and do the same everywhere. Nor those of
# imports, which use packages that the official client brings.
UNIT_TESTS = [
    *(f"--ignore=tests/sdk/test_{name}.py" for name in ("import", "unreachable_server", "wandb_import")),
    "tests/sdk",
    "-k=not large_file and not away and not tunnel_that and not curl_does",
]
# Tests that compare the SDK with the server, or need what users may have installed beside it.
OF_THE_SERVER = re.compile(
    r"^(from|import) (accounts|api|artifacts|core|django|events|harness|jupyter_client|networkx|numpy|projects)\b",
    re.MULTILINE,
)
NAMELESS = 54321

JOURNEY = """
import sys
from datetime import datetime, timedelta, timezone
import wanllmdb as wandb

project, folder = sys.argv[1:]
with wandb.init(project=project, config={"rate": 0.1}) as run:
    artifact = wandb.Artifact("data", "dataset", metadata={"rows": 1})
    with artifact.new_file("a.txt") as file:
        file.write("bytes")
    run.log_artifact(artifact, aliases=["production"])
    wandb.log({"loss": 0.5})
with wandb.init(project=project) as run:
    now = datetime.now(timezone.utc) + timedelta(seconds=20)  # on a fast clock
    root = run.use_artifact("data:production", at=now).download(root=folder)
with open(f"{root}/a.txt") as file:
    print(file.read())
"""


def find_interpreters() -> dict[int, Path]:
    """The minor versions of Python on this machine, with one interpreter of each."""
    directories = [Path(name) for name in os.environ["PATH"].split(os.pathsep) if name]
    # The interpreters of pyenv are not on the PATH, but scripts that choose one of them.
    shims = [path for path in directories if path.name == "shims"]
    directories = [path for path in directories if path not in shims]
    directories += [found for path in shims for found in path.parent.glob("versions/*/bin")]
    candidates = sorted(path for directory in directories for path in directory.glob("python3.*"))
    found = {int(path.suffix[1:]): path for path in candidates if re.fullmatch(r"python3\.\d+", path.name)}
    found[sys.version_info.minor] = Path(sys.executable)
    return {minor: path for minor, path in sorted(found.items()) if minor >= OLDEST}


INTERPRETERS = find_interpreters()
OLDEST_AND_NEWEST = sorted({min(INTERPRETERS), max(INTERPRETERS)})
# The packages of this interpreter will do for newer ones, if they only log, use and download: installations take long.
INSTALLED = [minor for minor in INTERPRETERS if minor in OLDEST_AND_NEWEST or minor < sys.version_info.minor]


@cache
def packages() -> Path:
    """A directory that every user can read, with the SDK and its unit tests, without the server and its tests."""
    target = servers.session_directory() / "packages"
    ignored = shutil.ignore_patterns("__pycache__", "live")
    shutil.copytree(ROOT / "wanllmdb/sdk", target / "wanllmdb/sdk", ignore=ignored)
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(ROOT / "wanllmdb" / name, target / "wanllmdb" / name)
    shutil.copytree(ROOT / "tests/sdk", target / "tests/sdk", ignore=ignored)
    for path in (target / "tests/sdk").rglob("test_*.py"):
        if OF_THE_SERVER.search(path.read_text()):
            path.unlink()
    (target / "tests/__init__.py").touch()
    return target


@cache
def installations() -> dict[int, subprocess.Popen[bytes]]:
    """The installations of the dependencies for the interpreters that need them, all at the same time."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-compile", "--only-binary=:all:", "--root-user-action=ignore"]
    requirements = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["chunks"], *TEST_DEPENDENCIES]
    return {
        minor: subprocess.Popen(
            [*pip, "--python", INTERPRETERS[minor], "install", *options, "--target", target_of(minor), *requirements]
        )
        for minor in INSTALLED
    }


def target_of(minor: int) -> Path:
    return servers.session_directory() / f"dependencies-3.{minor}"


def dependencies(minor: int) -> Path:
    """A directory with the dependencies for this interpreter."""
    if minor not in INSTALLED:
        return own_dependencies()
    assert installations()[minor].wait() == 0
    return target_of(minor)


@cache
def own_dependencies() -> Path:
    """Those of this interpreter that are all in Python, where every user can read them."""
    target = servers.session_directory() / "dependencies"
    site_packages = Path(pytest.__file__).parents[1]
    for name in ("filelock", "markdown_it", "mdurl", "platformdirs", "pygments", "rich", "urllib3"):
        shutil.copytree(site_packages / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.fixture
def folder() -> Path:
    """An empty directory that every user can write to."""
    path = servers.session_directory() / "folder"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    path.chmod(0o777)
    return path


@pytest.fixture
def travel(stack: servers.Stack, project: str, folder: Path) -> Callable[..., None]:
    """Log, use and download with nothing in the environment but URL, key and what is given."""

    def run_script(python: Path | str, dependencies: Path, env: dict[str, str], user: int | None = None) -> None:
        environment = {
            "WANLLMDB_BASE_URL": stack.base_url,
            "WANLLMDB_API_KEY": stack.key("bob"),
            "PYTHONPATH": f"{packages()}{os.pathsep}{dependencies}",
        }
        result = subprocess.run(
            [python, "-W", "error", "-c", JOURNEY, project, folder / "data"],
            env=environment | env,
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            capture_output=True,
            text=True,
        )
        # What the SDK itself warns of, such as a server that is slow to respond, is no fault.
        lines = [line for line in result.stderr.splitlines() if not line.startswith("wanllmdb: ")]
        assert (lines, result.returncode) == ([], 0)
        assert result.stdout.splitlines()[-1] == "bytes"

    return run_script


def is_for_everybody(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path.resolve(), *path.resolve().parents))


def interpreter_for_everybody() -> Path | None:
    """One of this version that also a user without rights can start."""
    name = f"python3.{sys.version_info.minor}"
    paths = [Path(directory, name) for directory in ("/usr/bin", "/usr/local/bin")]
    return next((path for path in (*paths, Path(sys.executable)) if path.exists() and is_for_everybody(path)), None)


@pytest.mark.parametrize("minor", INTERPRETERS)
def test_every_python_logs_uses_and_downloads(travel, tmp_path, minor):
    travel(INTERPRETERS[minor], dependencies(minor), {"HOME": str(tmp_path)})


@pytest.mark.parametrize("minor", OLDEST_AND_NEWEST)
def test_the_oldest_and_the_newest_python_pass_the_unit_tests(tmp_path, minor):
    pytest_command = [
        "-W",
        "error",
        "-m",
        "pytest",
        "--quiet",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        tmp_path / "unit",
    ]
    result = subprocess.run(
        [INTERPRETERS[minor], *pytest_command, *UNIT_TESTS],
        cwd=packages(),
        env={"PYTHONPATH": str(dependencies(minor)), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr


@pytest.mark.parametrize("minor", OLDEST_AND_NEWEST)
def test_the_oldest_and_the_newest_python_have_the_command(minor):
    env = {"PYTHONPATH": f"{packages()}{os.pathsep}{dependencies(minor)}"}
    command = [INTERPRETERS[minor], "-m", "wanllmdb", "--version"]
    assert subprocess.run(command, env=env, check=True, capture_output=True).stderr == b""


def homes(tmp_path: Path) -> Iterable[dict[str, str]]:
    """What containers have as a home: nothing, none of the user's own, one that is read-only, and no directory."""
    read_only = tmp_path / "read-only"
    read_only.mkdir(mode=0o555)
    return (
        {},
        {"HOME": "/root"},
        {"HOME": "/"},
        {"HOME": "/dev/null"},
        {"HOME": str(read_only)},
        {"XDG_CONFIG_HOME": str(read_only), "XDG_CACHE_HOME": str(read_only / "cache")},
    )


def test_a_user_without_a_name_in_any_home(travel, tmp_path, folder):
    python = interpreter_for_everybody() if os.geteuid() == 0 else None
    for home in homes(tmp_path):
        shutil.rmtree(folder / "data", ignore_errors=True)
        travel(python or sys.executable, own_dependencies(), home, user=NAMELESS if python else None)
