#!/bin/bash
# Builds deploy/Dockerfile and starts what it made, with no container engine: buildah in a chroot, on a base image made of
# Debian's packages (no registry is asked). Takes minutes, so it runs only when it is wanted:
#   WEFT_IMAGE=1 tests/deploy/image.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
skip() { echo "SKIP deploy_image: $*"; exit 77; }
fail() { echo "FAILED deploy_image: $*" >&2; exit 1; }
[ "${WEFT_IMAGE:-}" = 1 ] || skip "it takes minutes; set WEFT_IMAGE=1"
[ "$(id -u)" = 0 ] || skip "buildah needs root for a chroot"
for tool in buildah mmdebstrap python3; do
    command -v $tool >/dev/null || skip "no $tool: apt-get install buildah mmdebstrap"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/weft-image.XXXXXX")
run= base= made= grpc=
build() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

# The process that the container runs, if it does: the weft that listens where we said.
contained() {
    local process
    for process in /proc/[0-9]*; do
        if [ "$(cat "$process/comm" 2>/dev/null)" = weft ] &&
            tr '\0' '\n' <"$process/environ" 2>/dev/null | grep -x "WEFT_GRPC_LISTEN=127.0.0.1:$grpc" >/dev/null; then
            echo "${process#/proc/}"
            return
        fi
    done
    return 0
}

cleanup() {
    local status=$?
    [ -z "$run" ] || kill -KILL $(contained) 2>/dev/null || true # buildah ends with it
    [ -z "$run" ] || wait "$run" 2>/dev/null || true
    [ -z "$made" ] || build umount "$made" >/dev/null 2>&1 || true
    build rm --all >/dev/null 2>&1 || true
    rm -rf "$work"
    exit $status
}
trap cleanup EXIT
trap 'exit 130' INT TERM

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
status_of() { # path: HTTP status of the admin server
    python3 - "http://127.0.0.1:$admin$1" <<'PY' 2>/dev/null || echo none
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=2).status)
except urllib.error.HTTPError as error:
    print(error.code)
PY
}
echo "== base image"
mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' bookworm "$work/base.tar" >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; skip "mmdebstrap could not make a base image: no Debian mirror?"; }
base=$(build from scratch)
build add --quiet "$base" "$work/base.tar" / >/dev/null
build commit --quiet "$base" localhost/weft-base >/dev/null
build rm "$base" >/dev/null
rm "$work/base.tar"

echo "== image"
build build --quiet --isolation chroot --pull=never --format docker --build-arg DEBIAN=localhost/weft-base \
    --ignorefile .dockerignore -f deploy/Dockerfile -t localhost/weft . >"$work/log" 2>&1 ||
    { tail -40 "$work/log" >&2; fail "deploy/Dockerfile does not build"; }
build inspect --type image localhost/weft | python3 -c '
import json, sys
config = json.load(sys.stdin)["Docker"]["config"]
assert config["User"] == "10001:10001", config["User"]
assert config["Healthcheck"]["Test"] == ["CMD", "weft", "health"], config["Healthcheck"]
assert list(config["Volumes"]) == ["/var/lib/weft"], config["Volumes"]
assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0", config["Labels"]
secrets = [e for e in config["Env"] if any(word in e for word in ("://", "PASS", "SECRET", "TOKEN"))]
assert not secrets, secrets
' || fail "the image is not configured as it should be"

echo "== container"
made=$(build from --pull=never localhost/weft)
root=$(build mount "$made")
[ ! -e "$root/usr/bin/gcc" ] && [ ! -d "$root/weft" ] || fail "the run-time image holds compilers or sources"
# What is to be found missing is found now, not when a plugin is first asked for.
build run --isolation chroot "$made" -- sh -c 'ldd /opt/weft/bin/weft /opt/weft/lib/weft/*/*.so' >"$work/log"
if grep 'not found' "$work/log"; then fail "libraries are missing in the image: PACKAGES_RUN in tools/dev/packages.sh"; fi
grpc=$(free_port) admin=$(free_port)
touch "$work/started"
build run --isolation chroot --env WEFT_GRPC_LISTEN=127.0.0.1:"$grpc" --env WEFT_ADMIN_LISTEN=127.0.0.1:"$admin" "$made" -- \
    weft run --service user-service --service order-service >"$work/weft.log" 2>&1 &
run=$!
end=$((SECONDS + 30))
until [ "$(status_of /readyz)" = 200 ]; do
    [ $SECONDS -lt $end ] && kill -0 $run 2>/dev/null || { cat "$work/weft.log" >&2; fail "/readyz did not answer 200 within 30 s"; }
    read -rt 0.1 <> <(:) || true
done
weft=$(contained)
[ -n "$weft" ] || fail "no weft process in the container"
[ "$(stat -c %u "/proc/$weft")" = 10001 ] || fail "the process runs as user $(stat -c %u "/proc/$weft"), want 10001"
build run --isolation chroot "$made" -- weft health "127.0.0.1:$grpc" >/dev/null || fail "the image's own health check says no"
build run --isolation chroot "$made" -- weft call "127.0.0.1:$grpc" user.v1.UserService/CreateUser \
    '{"email":"ann@example.com","name":"Ann"}' | grep -q ann@example.com || fail "CreateUser in the image"
written=$(find "$root" -xdev -newer "$work/started" -type f ! -path "$root/var/lib/weft/*" | head)
[ -z "$written" ] || fail "written outside the volume, so a read-only root would not do: $written"
kill -TERM "$weft"
ended=0
wait $run || ended=$?
run=
[ $ended -eq 0 ] || { tail "$work/weft.log" >&2; fail "exit status $ended after SIGTERM"; }
echo "passed deploy_image: $(du -shx "$root" | cut -f1) unpacked"
