#!/usr/bin/env bash
# Usage: deploy/azurite.sh
# Installs Azurite, the emulator of Azure's blobs that the tests of references read, into var/, and prints its program.
set -euo pipefail
cd "$(dirname "$0")/.."

version=3.37.0
directory=$PWD/var/azurite-$version
if [ ! -e "$directory/complete" ]; then
    # The npm of Debian, unless Node.js came with one of its own.
    command -v npm >/dev/null || deploy/debian.sh nodejs npm >&2
    npm install --prefix "$directory" --no-audit --no-fund --no-save --omit=dev --loglevel=error "azurite@$version" >&2
    touch "$directory/complete"
fi
echo "$directory/node_modules/.bin/azurite-blob"
