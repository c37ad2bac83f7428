#!/usr/bin/env bash
# symbols.sh CHECK BUILD_DIR SOURCE_DIR: what the built files export and how they are linked, as nm and readelf see them.
set -eu
check=$1 build=$2 source=$3
failed=0
fail() { echo "$*"; failed=1; }
exported() { nm -D --defined-only "$1" | awk '{ print $3 }' | sed 's/@.*//' | sort; }

# Each file of a folder exports this one symbol.
one_symbol() { # folder symbol
    local file count=0
    for file in "$1"/*.so; do
        count=$((count + 1))
        [ "$(exported "$file")" = "$2" ] || fail "$file exports $(exported "$file" | tr '\n' ' '), want $2 alone"
    done
    [ $count -ge 2 ] || fail "$1 has $count modules"
}

hardened() { # file flag...
    local file=$1 flags
    flags=$(readelf -dW "$file" | grep FLAGS_1 || true)
    readelf -lW "$file" | grep -q GNU_RELRO || fail "$file has no RELRO segment"
    readelf -lW "$file" | grep GNU_STACK | grep -q RWE && fail "$file has an executable stack"
    shift
    for flag in "$@"; do grep -qw "$flag" <<<"$flags" || fail "$file is linked without $flag: ${flags:-no FLAGS_1}"; done
    readelf -dW "$file" | grep -q TEXTREL && fail "$file has text relocations"
    return 0
}

case $check in
plugins) one_symbol "$build/lib/weft/plugins-1" weft_plugin ;;
services) one_symbol "$build/lib/weft/services" weft_service_module ;;
needs)
    for file in "$build"/lib/weft/plugins-1/*.so; do
        readelf -dW "$file" | grep -q 'NEEDED.*libweft' && fail "$file links libweft: a plugin has a table for that"
        nm -D --undefined-only "$file" | grep -w 'weft_[a-z_]*' && fail "$file wants symbols of weft's"
    done
    for backend in amqp rabbitmq hiredis pq sqlite3; do
        readelf -dW "$build/lib/libweft.so" "$build/bin/weft" | grep "NEEDED.*lib$backend\." && fail "core links lib$backend"
    done ;;
linking)
    for file in "$build"/lib/weft/plugins-1/*.so; do hardened "$file" NOW NODELETE; done
    for file in "$build"/lib/weft/services/*.so "$build/lib/libweft.so" "$build/bin/weft"; do hardened "$file" NOW; done ;;
executable)
    [ -z "$(exported "$build/bin/weft")" ] || fail "weft exports $(exported "$build/bin/weft" | tr '\n' ' ')" ;;
library)
    # weft_* that a public header declares, and the contracts every module shares (proto/CMakeLists.txt: wellknown).
    headers=$(cat "$source"/core/include/weft/*.h)
    symbols=$(exported "$build/lib/libweft.so")
    for symbol in $symbols; do
        case $symbol in
        google__protobuf__* | google_protobuf_*_type | google_protobuf_*_proto) ;;
        weft_options_proto | weft_*_options_type) ;;
        weft_*) grep -qw "$symbol" <<<"$headers" || fail "libweft.so exports $symbol, which no public header declares" ;;
        *) fail "libweft.so exports $symbol" ;;
        esac
    done
    for symbol in $(grep -ohE '^WEFT_API [^;]*\(' "$source"/core/include/weft/*.h | grep -oE 'weft_[a-z0-9_]+\(' | tr -d '(' | sort -u); do
        grep -qx "$symbol" <<<"$symbols" || fail "a public header declares $symbol, libweft.so lacks it"
    done ;;
*) echo "no check '$check'"; exit 2 ;;
esac
exit $failed
