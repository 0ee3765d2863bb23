#!/bin/sh
# Print the path of wrk, the load generator of `make bench-serving`, installing it where that can be done.
# Order: $WRK, the PATH, Debian's package when root.
if [ -n "${WRK:-}" ]; then
    if [ -x "$WRK" ]; then echo "$WRK"; exit 0; fi
    echo "WRK=$WRK is no program." >&2; exit 1
fi
command -v wrk && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update && apt-get install -y --no-install-recommends wrk; } >&2 && command -v wrk && exit 0
fi
echo 'The benchmark needs wrk. Type: sudo apt install wrk' >&2
exit 1
