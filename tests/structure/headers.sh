#!/usr/bin/env bash
# headers.sh CHECK CC CXX INCLUDES SOURCE_DIR: what the public headers promise whoever includes them. INCLUDES are folders,
# separated by ':'; the first is of core/include.
set -eu
check=$1 cc=$2 cxx=$3 includes=$4 here=$5
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
IFS=: read -ra folders <<<"$includes"
flags=(-Wall -Wextra -Werror -I"${folders[0]}")
for folder in "${folders[@]:1}"; do flags+=(-isystem "$folder"); done
c11=("$cc" -std=c11 -pedantic -Wstrict-prototypes "${flags[@]}")
cxx11=("$cxx" -x c++ -std=c++11 -pedantic "${flags[@]}")

need_cxx() {
    [ -x "$(command -v "$cxx")" ] || { echo "SKIP $check: no C++ compiler"; exit 77; }
}

# Every header, included alone and then once more.
alone() { # compiler...
    local header name
    for header in "${folders[0]}"/weft/*.h; do
        name=weft/$(basename "$header")
        printf '#include <%s>\n#include <%s>\n' "$name" "$name" >"$out/alone.c"
        "$@" -fsyntax-only "$out/alone.c" || { echo "$name does not compile alone"; exit 1; }
    done
}

case $check in
c11) alone "${c11[@]}" ;;
cxx11) need_cxx; alone "${cxx11[@]}" ;;
layout) "${c11[@]}" -Wpadded -fsyntax-only "$here/layout.c" ;;
plugin_in_cxx)
    need_cxx
    "${cxx11[@]}" -shared -fPIC -fvisibility=hidden -Wl,-z,defs -o "$out/shelf.so" "$here/plugin.cc"
    exported=$(nm -D --defined-only "$out/shelf.so" | cut -d' ' -f3)
    [ "$exported" = weft_plugin ] || { echo "exports '$exported', want weft_plugin alone"; exit 1; }
    readelf -n "$out/shelf.so" | grep -q weft || { echo "has no note"; exit 1; }
    ;;
service_in_cxx)
    need_cxx
    "${cxx11[@]}" -shared -fPIC -fvisibility=hidden -o "$out/service.so" "$here/service.cc"
    nm -D --defined-only "$out/service.so" | grep -qw weft_service_module || { echo "exports no weft_service_module"; exit 1; }
    ;;
generated)
    need_cxx
    count=0
    for folder in "${folders[@]:1}"; do
        for header in $(cd "$folder" && find . -name '*.weft.h'); do
            count=$((count + 1))
            echo "#include <$header>" >"$out/alone.cc"
            "${cxx11[@]}" -fsyntax-only "$out/alone.cc" || { echo "$header does not compile alone as C++"; exit 1; }
        done
    done
    [ "$count" -ge 10 ] || { echo "only $count generated headers found"; exit 1; }
    ;;
*) echo "no check '$check'"; exit 2 ;;
esac
