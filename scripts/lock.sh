#!/bin/sh
# Resolve locks/run.txt (what `make run` needs) and locks/dev.txt (what `make test` adds).
set -e
cd "$(dirname "$0")/.."
resolve() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-package deepfake-detection "$@"
}
packages='detection-model/pyproject.toml webapp-backend/pyproject.toml locks/tools.in'
resolve --extra train $packages --output-file locks/run.txt
resolve --extra train --extra notebook $packages locks/dev.in --constraints locks/run.txt \
    --output-file locks/dev.txt
