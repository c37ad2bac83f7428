#!/bin/bash
# Breaks weft on purpose, one way at a time, and sees that a named test notices. Each mutant is a patch here; its first line
# names the test:  # caught by: <scenario or name of a ctest>
#   ./dev test --mutants [NAME]...
# Ends with "N of N caught", and 0 only then. A patch that no longer applies, a build that fails, a test that is skipped or
# does not pass on the unbroken tree counts as not caught.
set -uo pipefail
cd "$(dirname "$0")/../.."
ROOT=$PWD BUILD=$PWD/build
source tools/dev/build.sh
source tools/dev/ctest.sh
export WEFT_KILLS=${WEFT_KILLS:-40}
tree=$BUILD/mutants/tree

# A copy of the sources, so that the tree is never broken, even by a kill in between.
copy_tree() {
    mkdir -p "$tree"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -u -t "$tree"
}

build_tree() {
    { [ -f "$tree/build/release/build.ninja" ] || cmake -S "$tree" --preset release -DBUILD_TESTING=ON -DWEFT_WERROR=OFF; } &&
        cmake --build "$tree/build/release"
}

# 0: passed, 1: failed, anything else: neither.
check() { # test
    local file status=0
    for file in "$tree"/tests/scenarios/[0-9]*_"$1".py; do
        [ -f "$file" ] || continue
        WEFT_BUILD=$tree/build/release timeout 600 /usr/bin/python3 -B "$file"
        return
    done
    timeout 600 ctest --test-dir "$tree/build/release" --tests-regex "^$1\$" --no-tests=error --output-on-failure >"$tree/check.log" 2>&1 || status=$?
    cat "$tree/check.log"
    if grep -q '\*\*\*Skipped\|No tests were found' "$tree/check.log"; then return 77; fi
    [ $status = 0 ] || return 1
}

try() { # patch
    local name test status=0 log
    name=$(basename "$1" .patch)
    test=$(sed -n 's/^# caught by: //p' "$1")
    log=$BUILD/mutants/$name.log
    if ! (cd "$tree" && patch -p1 --forward --no-backup-if-mismatch <"$1") >"$log" 2>&1; then
        echo "mutant $name: the patch does not apply: $log"
        return 1
    fi
    if build_tree >>"$log" 2>&1; then
        check "$test" >>"$log" 2>&1 || status=$?
    else
        status=build
    fi
    (cd "$tree" && patch -p1 --reverse --no-backup-if-mismatch <"$1") >>"$log" 2>&1
    case $status in
    1) echo "mutant $name: caught by $test: $(grep -E '^FAIL|:[FE]:|\*\*\*Failed|Error' "$log" | head -1 | cut -c1-160)" ;;
    *) echo "mutant $name: NOT caught by $test (ended with $status): $log"; return 1 ;;
    esac
}

run() {
    local caught=0 all=0 patches=() test
    for name in "$@"; do patches+=("$ROOT/tests/mutants/$name.patch"); done
    [ $# -gt 0 ] || patches=("$ROOT"/tests/mutants/*.patch)
    copy_tree
    build_tree >"$BUILD/mutants/build.log" 2>&1 || { echo "mutants: the unbroken tree does not build: $BUILD/mutants/build.log"; return 1; }
    for test in $(sed -n 's/^# caught by: //p' "${patches[@]}" | sort -u); do
        check "$test" >"$BUILD/mutants/$test.log" 2>&1 || { echo "mutants: $test does not pass on the unbroken tree: $BUILD/mutants/$test.log"; return 1; }
    done
    for patch in "${patches[@]}"; do
        all=$((all + 1))
        if try "$patch"; then caught=$((caught + 1)); fi
    done
    echo "$caught of $all caught"
    [ $caught = $all ]
}

packages_install build test || exit 1
mkdir -p "$BUILD/mutants"
with_servers run "$@"
