# Configuring and building one preset. Sourced by ./dev, which sets ROOT and BUILD.
source tools/dev/packages.sh

build() { # preset [quiet]
    local preset=$1 log status=0
    mkdir -p "$BUILD"
    log=$BUILD/$preset.log
    if [ "${2:-}" = quiet ] && [ -f "$BUILD/$preset/build.ninja" ]; then
        cmake --build --preset "$preset" >"$log" 2>&1 || status=$?
    else
        echo "dev: building $preset"
        { [ -f "$BUILD/$preset/build.ninja" ] || cmake --preset "$preset"; } >"$log" 2>&1 &&
            cmake --build --preset "$preset" >>"$log" 2>&1 || status=$?
    fi
    if [ $status -ne 0 ]; then
        grep -E -A12 'FAILED|error|Error' "$log" | head -60 >&2
        echo "dev: the $preset build failed; all of it is in $log" >&2
    fi
    return $status
}
