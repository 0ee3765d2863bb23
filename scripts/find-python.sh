#!/bin/sh
# Print a Python 3.11 to 3.13 that can make virtual environments, or say what to install.
for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done
echo 'No Python 3.11, 3.12 or 3.13 with venv found. On Debian or Ubuntu: apt install python3-venv; or name one: make PYTHON=/path/to/python3.12' >&2
exit 1
