#!/usr/bin/env bash
# Usage: deploy/debian.sh PACKAGE…
# Installs missing Debian packages, as root or with a sudo that needs no password; otherwise prints what to install.
set -euo pipefail

missing=()
for package in "$@"; do
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    echo "Required packages are missing: ${missing[*]}. Install them, for example with 'sudo apt-get install ${missing[*]}'." >&2
    exit 1
fi
echo "Installing ${missing[*]} …"
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "${missing[@]}")
if ! "${install[@]}" >/dev/null 2>&1; then
    "${as_root[@]}" apt-get update -qq
    "${install[@]}" >/dev/null
fi
