#!/bin/sh
# Makes .venv and installs into it what the named locks list, then walletd itself: requirements/setup.sh main build
set -eu
cd "$(dirname "$0")/.."
. requirements/apt.sh

stop() {
    echo "make setup: $*" >&2
    exit 1
}

# The operating system's own Python first: its packages (venv) fit it.
find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

venv_works() {
    .venv/bin/python -c 'import pip, pathlib, sys; sys.exit(not pathlib.Path(".venv").samefile(sys.prefix))' 2>/dev/null
}

# Debian packs venv's installer of pip (ensurepip) apart from Python.
make_venv() {
    rm -rf .venv
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        apt_install "python$version-venv" || { make_venv_without_root; return; }
    fi
    "$python" -m venv .venv
}

# Without root the package that holds pip can still be fetched and unpacked, with package lists of our own.
make_venv_without_root() {
    "$python" -m venv --without-pip .venv
    if "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip --python .venv/bin/python install --quiet pip
        return
    fi
    lists=$PWD/.venv/apt
    mkdir -p "$lists/state/lists/partial" "$lists/cache/archives/partial"
    own="-o Dir::State=$lists/state -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache=$lists/cache"
    # shellcheck disable=SC2086 # the options are words
    (cd "$lists" && apt-get -qq $own update && apt-get -qq $own download python3-pip-whl && dpkg-deb -x ./*.deb .) \
        >/dev/null 2>&1 || { rm -rf .venv; stop "please install python3-venv: pip is missing and cannot be fetched"; }
    wheel=$(echo "$lists"/usr/share/python-wheels/pip-*.whl)
    .venv/bin/python "$wheel/pip" install --quiet --no-index --no-deps "$wheel"
    rm -rf "$lists"
}

python=$(find_python) || stop "please install Python 3.11, 3.12 or 3.13"
if ! venv_works; then
    echo "Making .venv with $("$python" --version) …"
    make_venv
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
for lock in "$@"; do
    echo "Installing requirements/$lock.txt …"
    .venv/bin/python -m pip install --quiet --require-hashes --requirement "requirements/$lock.txt"
done
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
