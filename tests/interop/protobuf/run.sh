#!/usr/bin/env bash
# run.sh SUITE_DIR TESTEE KNOWN_FAILURES: runs the suite. Fails when something fails that is not known, or passes that is.
set -eu
suite=$1 testee=$2 known=$3
runner=$suite/package/bin/conformance_test_runner-linux-x64
loader=$suite/loader/usr/lib/x86_64-linux-gnu
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0
"$loader/ld-linux-x86-64.so.2" --library-path "$loader" "$runner" --enforce_recommended --output_dir "$out" \
    --failure_list "$known" "$testee" >"$out/log" 2>&1 || status=$?
grep -aE 'CONFORMANCE SUITE|^  [A-Z]' "$out/log" | tail -40
exit $status
