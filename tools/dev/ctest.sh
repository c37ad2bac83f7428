# Running ctest and counting what it did. Sourced; needs ROOT and BUILD.

# Runs a command with private servers in the environment, and stops them whatever happens.
with_servers() {
    local status=0
    SERVERS=$(mktemp -d "${TMPDIR:-/tmp}/weft-servers.XXXXXX")
    chmod 755 "$SERVERS"
    trap 'servers_stop' EXIT
    trap 'exit 130' INT TERM
    tools/dev/services.sh up "$SERVERS" >"$SERVERS/environment" || return 1
    eval "$(cat "$SERVERS/environment")"
    export WEFT_SERVICES_DIR=$SERVERS
    "$@" || status=$?
    return $status
}

servers_stop() {
    [ -n "${SERVERS:-}" ] || return 0
    tools/dev/services.sh down "$SERVERS" || true
    rm -rf "$SERVERS"
    SERVERS=
}

# The closing line comes from ctest's own report: a skipped test is named, and never counted as passed.
ctest_run() { # preset [ctest arguments]
    local preset=$1 report=$BUILD/$1/tests.xml status=0
    shift
    rm -f "$report"
    ctest --test-dir "$BUILD/$preset" --parallel "$(nproc)" --output-on-failure --no-tests=error \
        --output-junit "$report" "$@" || status=$?
    python3 - "$report" <<'PY' || status=1
import sys, xml.etree.ElementTree as tree
cases = tree.parse(sys.argv[1]).getroot().findall("testcase")
skipped = [c for c in cases if c.get("status") in ("notrun", "disabled") or c.find("skipped") is not None]
failed = [c for c in cases if c.get("status") == "fail" or c.find("failure") is not None]
for case in skipped:
    reason = case.find("skipped")
    print(f"skipped: {case.get('name')}: {reason.get('message') if reason is not None else ''}")
for case in failed:
    print(f"failed: {case.get('name')}")
print(f"{len(cases) - len(skipped) - len(failed)} passed, {len(failed)} failed, {len(skipped)} skipped")
sys.exit(1 if failed or len(cases) == len(skipped) else 0)
PY
    return $status
}
