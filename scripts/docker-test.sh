#!/usr/bin/env bash
# Build the image and check a running container as its users would: `make docker-test`.
# Needs Docker with Compose, curl and 12 GB of disk. --no-build takes the images that are there.
set -euo pipefail
cd "$(dirname "$0")/.."

IMAGE=flask-deepfake-app
NAME=deepfake-docker-test-$$
PORT=${PORT:-8099}
URL=http://127.0.0.1:$PORT
HARDENED=(--read-only --cap-drop ALL --security-opt no-new-privileges)
work=$(mktemp -d)
passed=0
# shellcheck disable=SC2329 # by the trap
clean_up() {
    docker rm -f "$NAME" >/dev/null 2>&1 || true
    compose down -v -t 20 >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clean_up EXIT

compose() { PORT=$PORT docker compose -p "$NAME" "$@"; }
passes() { passed=$((passed + 1)); echo "ok: $1"; }
fails() {
    echo "FAILED: $1" >&2
    docker logs "$NAME" 2>&1 | tail -20 >&2 || true
    exit 1
}
within() { # SECONDS, sentence, command
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $deadline ] || fails "$what"
        sleep 0.5
    done
    passes "$what"
}
start() { docker run -d --name "$NAME" -p "$PORT:80" "$@" >/dev/null; }
remove() { docker rm -f "$NAME" >/dev/null; }
fetch() { curl -fsS --noproxy '*' --max-time 30 "$@" 2>/dev/null; }
health() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$NAME")" = "$1" ]; }
logged() { docker logs "$NAME" 2>&1 | grep -q "$1"; }
answers() { fetch "$URL/$1" -o /dev/null; }
judges() { fetch -F file=@docs/detect.png "$URL/api/v1/predictions${1:+?model=$1}" | grep -q '"fake_probability"'; }
lists() { fetch "$URL/api/v1/models" | grep -q "$1"; }
folder() { # an open copy of the model folder
    mkdir -p "$work/$1" && chmod 755 "$work" "$work/$1" && echo "$work/$1"
}
another_network() { # the bundled one as a file of another hash
    cp "$(find webapp-backend/workspace/model -name '*.keras' | sort | tail -1)" "$1"
    docker run --rm --user "$(id -u)" -v "$(dirname "$1"):/m" --entrypoint python "$IMAGE" -c \
        "import zipfile; z = zipfile.ZipFile('/m/$(basename "$1")', 'a'); z.comment = b'x'; z.close()"
    chmod 644 "$1"
}

for profile in '' train notebook gpu scale; do
    COMPOSE_PROFILES=$profile docker compose config -q || fails "compose file, profile $profile"
done
passes 'the compose file is valid with each profile'
if [ "${1:-}" != --no-build ]; then
    docker build -q -t "$IMAGE" -f webapp-backend/Dockerfile . >/dev/null
    docker build -q -t "$IMAGE:light" --target light -f webapp-backend/Dockerfile . >/dev/null
    passes 'the images build'
fi
docker images --format 'size: {{.Repository}}:{{.Tag}} {{.Size}}' "$IMAGE"

echo '# as the README says'
start "$IMAGE"
within 60 'it becomes healthy' health healthy
within 10 'an upload is judged' judges ''
within 30 'TensorBoard is shown' answers tensorboard/
[ "$(docker exec "$NAME" id -u)" = 10001 ] || fails 'it runs as an unprivileged user'
passes 'it runs as an unprivileged user'
SECONDS=0
docker stop -t 30 "$NAME" >/dev/null
[ $SECONDS -lt 12 ] || fails 'SIGTERM stops it within seconds'
[ "$(docker inspect -f '{{.State.ExitCode}}' "$NAME")" = 0 ] || fails 'it ends in order'
passes "SIGTERM stops it in order, in $SECONDS s"
remove

echo '# hardened, with a model folder of its own'
models=$(folder models)
cp webapp-backend/workspace/model/* "$models"
start "${HARDENED[@]}" --tmpfs /tmp -v "$models:/app/workspace/model:ro" "$IMAGE"
within 60 'it becomes healthy on a read-only root' health healthy
within 10 'an upload is judged' judges ''
within 30 'TensorBoard is shown' answers tensorboard/
another_network "$work/dropped.keras"
mv "$work/dropped.keras" "$models/"
within 120 'a network put in is served' judges dropped
remove

echo '# the smaller image'
start "${HARDENED[@]}" --tmpfs /tmp -v "$models:/app/workspace/model:ro" "$IMAGE:light"
within 60 'it becomes healthy' health healthy
within 10 'an upload is judged' judges ''
within 30 'TensorBoard is shown' answers tensorboard/
within 10 'a network that is not converted is refused with the reason' lists 'has no TensorFlow'
remove

echo '# what can go wrong'
start "${HARDENED[@]}" "$IMAGE"
within 10 'without a writable /tmp it ends with a sentence' logged 'add --tmpfs /tmp.$'
remove
start "${HARDENED[@]}" --tmpfs /tmp -v "$(folder empty):/app/workspace/model:ro" "$IMAGE"
within 30 'an empty model folder is told' logged 'holds no .keras file'
within 90 'and makes it unhealthy' health unhealthy
remove
closed=$(folder closed)
chmod 000 "$closed"
start "${HARDENED[@]}" --tmpfs /tmp -v "$closed:/app/workspace/model:ro" "$IMAGE"
within 30 'an unreadable model folder is told' logged 'cannot be read: Permission denied'
within 90 'and makes it unhealthy' health unhealthy
remove
start "${HARDENED[@]}" --tmpfs /tmp -e DEEPFAKE_CACHE=/app/cache \
    -v "$models:/app/workspace/model:ro" "$IMAGE"
within 60 'with a read-only cache the bundled networks answer' judges ''
within 10 'and a new one is refused with the reason' lists 'cannot be written'
remove
start --memory 800m --memory-swap 800m -v "$models:/app/workspace/model:ro" "$IMAGE"
within 90 'a conversion that runs out of memory is told' logged 'memory ran out'
within 10 'and the bundled networks answer' judges ''
remove
start "$IMAGE"
within 60 'one that has the port becomes healthy' health healthy
{ docker run --rm --network "container:$NAME" "$IMAGE" 2>&1 || true; } |
    grep 'Cannot listen on 0.0.0.0, port 80' >/dev/null || fails 'a taken port is told'
passes 'a taken port is told'
remove

echo '# docker compose'
compose up -d --wait --no-build >/dev/null 2>&1 || fails 'application and TensorBoard become healthy'
passes 'application and TensorBoard become healthy'
within 10 'an upload is judged' judges ''
within 10 'TensorBoard is shown' answers tensorboard/
echo "$passed passed, 0 failed"
