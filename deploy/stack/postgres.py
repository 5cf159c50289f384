"""PostgreSQL of the stack: who it runs as, and a new data directory with a role and a database for the server.

It refuses to be root, so root runs it as the account `postgres`, which Debian's package makes.
"""

import os
import pwd
import shlex
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

from deploy import private_file, runtime_directory

INSTALLED = Path("/usr/lib/postgresql")
NAME = "wanllmdb"
# Whoever is not in the map is nobody: the server may speak to its database, and its operator to all.
ACCESS = f"local {NAME} {NAME} peer map={NAME}\nlocal all postgres peer map={NAME}\n"
PEOPLE = f"{NAME} {{person}} {NAME}\n{NAME} {{person}} postgres\n"
SCRIPT = f"CREATE ROLE {NAME} LOGIN\nCREATE DATABASE {NAME} OWNER {NAME}\n"


def create(directory: Path) -> dict[str, str]:
    """Make what is missing in `directory`. Returns what the Procfile and Django have to know."""
    account = find_account()
    directory.mkdir(mode=0o700, exist_ok=True)
    (directory / "log").mkdir(mode=0o700, exist_ok=True)
    if account:
        for path in (directory, directory / "log"):
            shutil.chown(path, account.pw_name, account.pw_gid)
        check_passage(directory, account)
    data = directory / "data"
    programs = find_programs(data)
    if not data.exists():
        initialize(data, programs, account)
    sockets = runtime_directory.create(directory, account.pw_uid if account else None)
    return {
        "DATABASE_URL": f"postgres://{NAME}@/{NAME}?host={quote(str(sockets))}",
        "POSTGRES_PROGRAMS": str(programs),
        "POSTGRES_RUN_DIR": str(sockets),
        "POSTGRES_ACCOUNT": f"--reuid={account.pw_uid} --regid={account.pw_gid} --clear-groups" if account else "",
    }


def find_account() -> pwd.struct_passwd | None:
    """The account that it runs as, if that is not our own."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise SystemExit("PostgreSQL does not run as root, and there is no account `postgres`: create one.") from None


def check_passage(directory: Path, account: pwd.struct_passwd) -> None:
    """A directory above that is for root alone is in the way of another account."""
    for path in reversed([directory, *directory.parents]):
        if not may_enter(path, account):
            raise SystemExit(
                f"PostgreSQL runs as `{account.pw_name}`, which may not enter {path}: "
                f"`chmod o+x {shlex.quote(str(path))}`, or set WANLLMDB_VAR_DIR to another place."
            )


def may_enter(path: Path, account: pwd.struct_passwd) -> bool:
    return not run_as(account, ["test", "-x", str(path)], check=False).returncode


def find_programs(data: Path) -> Path:
    """Of the version that made the data, or of the newest that is installed."""
    versions = sorted((path.parent.name for path in INSTALLED.glob("*/bin")), key=float)
    if not versions:
        raise SystemExit(f"PostgreSQL is not installed in {INSTALLED}: `make stack` does that on Debian and Ubuntu.")
    made_by = data / "PG_VERSION"
    version = made_by.read_text().strip() if made_by.exists() else versions[-1]
    if version not in versions:
        raise SystemExit(
            f"{data} was made by PostgreSQL {version}, which is not installed: install it, "
            f"or move the data to {versions[-1]} with pg_upgrade."
        )
    return INSTALLED / version / "bin"


def initialize(data: Path, programs: Path, account: pwd.struct_passwd | None) -> None:
    """The directory is there when it is complete: a start that was cut short leaves nothing in the way."""
    draft = data.with_name("new-data")
    shutil.rmtree(draft, ignore_errors=True)
    options = ["--username=postgres", "--encoding=UTF8", "--locale=C", "--data-checksums", "--auth=reject"]
    run_as(account, [str(programs / "initdb"), f"--pgdata={draft}", *options])
    person = pwd.getpwuid(os.getuid()).pw_name
    for name, text in {"pg_hba.conf": ACCESS, "pg_ident.conf": PEOPLE.format(person=person)}.items():
        private_file.write(draft / name, text)
        if account:
            shutil.chown(draft / name, account.pw_name, account.pw_gid)
    single = [str(programs / "postgres"), "--single", "-D", str(draft), "-c", "exit_on_error=on", "postgres"]
    run_as(account, single, SCRIPT)
    draft.rename(data)


def run_as(
    account: pwd.struct_passwd | None, command: list[str], text: str = "", *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        cwd="/",
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )
    if check and done.returncode:
        raise SystemExit(f"PostgreSQL could not be prepared: {' '.join(command[:1])} says:\n{done.stderr.strip()}")
    return done
