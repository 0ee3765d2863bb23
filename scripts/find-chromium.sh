#!/bin/sh
# Print the path of a Chromium for the browser tests, installing one where that can be done.
# Order: $CHROMIUM, the PATH, Debian's package when root, Playwright's own download.
find_on_path() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return 0
    done
    return 1
}
if [ -n "${CHROMIUM:-}" ]; then
    if [ -x "$CHROMIUM" ]; then echo "$CHROMIUM"; exit 0; fi
    echo "CHROMIUM=$CHROMIUM is no program." >&2; exit 1
fi
find_on_path && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get update && apt-get install -y --no-install-recommends chromium; } >&2 && find_on_path && exit 0
fi
playwright=$(dirname "$0")/../.venv/bin/playwright
if [ -x "$playwright" ] && "$playwright" install chromium >&2; then
    "$(dirname "$playwright")/python" -c '
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)'
    exit
fi
echo 'The browser tests need Chromium. Type: sudo apt install chromium' >&2
exit 1
