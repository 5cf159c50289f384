#!/usr/bin/env bash
# Usage: deploy/venv.sh DIRECTORY REQUIREMENTS…
# Creates a virtual environment in DIRECTORY with what the requirements files pin. Does nothing if nothing has changed.
set -euo pipefail

venv=$1
shift

pinned=$(cat "$@" | cksum)
stamp="$venv/.installed-$(basename "${!#}")"
if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c '' 2>/dev/null && [ "$(cat "$stamp" 2>/dev/null)" = "$pinned" ]; then
    exit 0
fi

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "wanLLMDB requires Python 3.11 or newer, but none was found: install it, for example with 'apt-get install python3'." >&2
    return 1
}

if ! { [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version; } >/dev/null 2>&1; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$(dirname "$0")/debian.sh" python3-venv
    fi
    echo "Creating a virtual environment in $venv ($("$python" --version)) …"
    "$python" -m venv --clear "$venv"
fi
echo "Installing the packages of $(basename "${!#}") …"
args=()
for file in "$@"; do args+=(--requirement "$file"); done
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "${args[@]}"
echo "$pinned" >"$stamp"
