#!/bin/sh
# Ask the databases of known vulnerabilities about the pinned packages; one that cannot be reached is
# skipped, and that is said. Look for secrets in what git keeps.
cd "$(dirname "$0")/.." || exit 1
PATH="$PWD/.venv/bin:$PATH"
status=0
skip() { echo "SKIPPED: $1" >&2; }

if python -c 'import requests; requests.get("https://api.osv.dev/", timeout=10)' 2>/dev/null; then
    for lock in run dev; do
        pip-audit --vulnerability-service osv --disable-pip --require-hashes \
            --requirement "locks/$lock.txt" || status=1
    done
else
    skip "the Python packages, because api.osv.dev cannot be reached"
fi

# Hashes of files look like secrets, and Kubernetes has one by name.
git ls-files -z ':!locks' ':!*.ipynb' ':!*.lock' ':!webapp-frontend/package-lock.json' |
    xargs -0 detect-secrets-hook --exclude-lines 'sha256|secretName' || status=1

cd webapp-frontend || exit 1
if npm audit --json 2>/dev/null | grep -q '"auditReportVersion"'; then
    npm audit || status=1
else
    skip "the page's packages, because npm's registry answers no audit here"
fi
exit $status
