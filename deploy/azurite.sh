#!/usr/bin/env bash
# Usage: deploy/azurite.sh
# Installs Azurite, the emulator of Azure's blobs that the tests of references read, into var/, and prints its program.
set -euo pipefail
cd "$(dirname "$0")/.."

# The last one for the Node.js of Debian 12.
version=3.35.0
directory=$PWD/var/azurite-$version
mkdir -p var
exec 9>"$directory.lock"
flock 9  # several processes of tests may come here at a time
if [ ! -e "$directory/complete" ]; then
    # The npm of Debian, unless Node.js came with one of its own.
    command -v npm >/dev/null || deploy/debian.sh nodejs npm >&2
    npm install --prefix "$directory" --no-audit --no-fund --no-save --omit=dev --loglevel=error "azurite@$version" >&2
    touch "$directory/complete"
fi
echo "$directory/node_modules/.bin/azurite-blob"
