#!/bin/sh
# Installs the parts of the operating system that some tests need: openssl, strace, and a Chromium for the pages.
# Where that is not possible, those tests are skipped, and fail under CI=true.
set -eu
cd "$(dirname "$0")/.."
. requirements/apt.sh

has_chromium() {
    .venv/bin/python -m tests.chromium >/dev/null 2>&1
}

missing=
for program in openssl strace; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
has_chromium || missing="$missing chromium"
[ -n "$missing" ] || exit 0

# shellcheck disable=SC2086 # a list of words
apt_install $missing || true
# Ubuntu has Chromium only as a snap, which needs more than a test machine offers.
if ! has_chromium && [ "$(id -u)" = 0 ]; then
    .venv/bin/python -m playwright install --with-deps chromium >/dev/null 2>&1 || true
fi

for program in openssl strace; do
    command -v "$program" >/dev/null ||
        echo "$program is missing and could not be installed: the tests that need it are skipped."
done
has_chromium || echo "Chromium is missing and could not be installed: the tests that need it are skipped."
