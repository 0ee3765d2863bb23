#!/bin/sh
# Resolve locks/run.txt (what `make run` needs), locks/dev.txt (what `make test` adds) and, at the same
# versions, what the stages of webapp-backend/Dockerfile install.
set -e
cd "$(dirname "$0")/.."
resolve() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-package deepfake-detection "$@"
}
packages='detection-model/pyproject.toml webapp-backend/pyproject.toml'
training='--extra train --extra notebook --extra archive'
resolve --extra train $packages locks/tools.in --output-file locks/run.txt
resolve $training --extra cluster $packages locks/tools.in locks/dev.in \
    --constraints locks/run.txt --output-file locks/dev.txt
leaner='--overrides locks/image-overrides.txt --constraints locks/dev.txt'
resolve $packages $leaner --output-file locks/light.txt
resolve --extra convert $packages locks/image.in $leaner --output-file locks/image.txt
resolve $training $packages --constraints locks/dev.txt --output-file locks/training.txt
resolve $training $packages locks/gpu.in --constraints locks/dev.txt --output-file locks/gpu.txt
resolve locks/build.in --constraints locks/dev.txt --output-file locks/build.txt
