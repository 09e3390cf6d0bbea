# Sourced by setup.sh and system.sh: how packages of the operating system are installed.

# As root, or through sudo where it asks for no password; fails where neither works or there is no apt.
apt_install() {
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        return 1
    fi
    echo "Installing $* of the operating system …"
    $as_root apt-get -qq update >/dev/null &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
}
