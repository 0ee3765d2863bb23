#!/bin/sh
# Link the networks converted at build time into the cache, then become the command. The cache may
# be a tmpfs, or a volume that other containers share and that an older image has filled.
if mkdir -p "$DEEPFAKE_CACHE" 2>/dev/null && [ -w "$DEEPFAKE_CACHE" ]; then
    for twin in /app/converted/*.onnx; do
        ln -s "$twin" "$DEEPFAKE_CACHE/" 2>/dev/null || true # there already
    done
else
    echo "{\"level\": \"warning\", \"message\": \"$DEEPFAKE_CACHE cannot be written: the bundled\
 networks answer, new ones cannot be converted. Mount a volume there or add --tmpfs /tmp.\"}"
    export DEEPFAKE_CACHE=/app/converted
fi
exec "$@"
