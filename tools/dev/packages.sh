# The Debian packages weft is built from, runs on and is tested with. Sourced.
PACKAGES_BUILD="gcc libc6-dev cmake ninja-build pkg-config protobuf-compiler protobuf-c-compiler libprotobuf-dev
    libprotoc-dev libprotobuf-c-dev libgrpc-dev libsqlite3-dev libpq-dev librabbitmq-dev libhiredis-dev libssl-dev
    libyaml-dev libmicrohttpd-dev uthash-dev check"
# What a machine needs that only runs it: the image's packages.
PACKAGES_RUN="libgrpc29 libprotobuf-c1 libsqlite3-0 libpq5 librabbitmq4 libhiredis0.14 libssl3 libyaml-0-2
    libmicrohttpd12 zlib1g ca-certificates"
PACKAGES_TEST="rabbitmq-server redis-server postgresql postgresql-client python3 python3-grpcio python3-protobuf
    python3-pika python3-psycopg2 python3-redis python3-yaml patch procps util-linux g++ binutils"

# Root as it is, anyone else by sudo.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

packages_missing() {
    local package
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        "install ok installed") ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

# Servers that come with the packages are not to be started by their installation: weft starts private ones.
policy_set() {
    [ -e /usr/sbin/policy-rc.d ] && return 1
    printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
    as_root chmod 755 /usr/sbin/policy-rc.d
}

packages_install() { # build [test]
    local wanted="" missing set=no kind
    for kind in "$@"; do
        case $kind in build) wanted="$wanted $PACKAGES_BUILD" ;; test) wanted="$wanted $PACKAGES_TEST" ;; esac
    done
    command -v apt-get >/dev/null || { echo "dev: no apt-get here; install by hand:" $wanted >&2; return 1; }
    missing=$(packages_missing $wanted)
    [ -z "$missing" ] && return 0
    echo "dev: installing Debian packages: $missing"
    if policy_set; then set=yes; fi
    local status=0
    as_root apt-get update -qq || status=$?
    [ $status -ne 0 ] || as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $missing </dev/null >"${TMPDIR:-/tmp}/weft-apt.$$" 2>&1 || status=$?
    if [ $set = yes ]; then as_root rm -f /usr/sbin/policy-rc.d; fi
    if [ $status -ne 0 ]; then
        cat "${TMPDIR:-/tmp}/weft-apt.$$" >&2 || true
        echo "dev: the packages could not be installed (see above): $missing" >&2
    fi
    rm -f "${TMPDIR:-/tmp}/weft-apt.$$"
    return $status
}
