#!/bin/sh
# Makes .venv with what requirements.lock says. `make setup` calls it, and only where the lock is newer than the stamp.
set -eu
stamp=$1
python=.venv/bin/python

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

choose() {
  for name in python3.13 python3.12 python3.11 python3; do
    fits "$name" || continue
    if "$name" -c 'import venv, ensurepip' 2>/dev/null; then
      echo "$name"
      return
    fi
    incomplete=$name
  done
  if [ -n "${incomplete:-}" ]; then
    echo "$incomplete is here, but not its venv module. Install it (Debian, Ubuntu: apt-get install python3-venv)." >&2
  else
    echo "Python 3.11, 3.12 or 3.13 is needed and was not found ($(python3 --version 2>&1 || echo "no python3"))." >&2
  fi
  exit 1
}

# A folder without a working Python (interrupted, or its Python was removed) is made anew.
if ! fits $python || ! $python -m pip --version >/dev/null 2>&1; then
  chosen=$(choose)
  echo "Making .venv with $("$chosen" --version) ..." >&2
  "$chosen" -m venv --clear .venv
fi
echo "Installing the locked dependencies ..." >&2
if ! $python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements.lock; then
  echo "The dependencies could not be installed. pip's words above say why; \`pip config list\` shows which index it asks." >&2
  exit 1
fi
touch "$stamp"
