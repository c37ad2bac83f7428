#!/usr/bin/env bash
# fingerprint.sh PROTOC GENERATOR PROTO_DIR: comments, order and files leave no mark on a fingerprint; what the wire or
# JSON shows does, also deep inside.
set -eu
protoc=$1 generator=$2 options=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
print_of() { # the message Outer made of the given body
    printf 'syntax = "proto3";\npackage p.v1;\nimport "weft/options.proto";\n%s\n' "$1" >"$work/a.proto"
    "$protoc" --plugin=protoc-gen-weft="$generator" -I"$work" -I"$options" --weft_out="$work" a.proto
    grep -A9 '^const struct weft_message_type p_v1_outer_type ' "$work/a.weft.c" | sed -n 's/.*fingerprint = "\(.*\)".*/\1/p'
}
first='message Outer { string a = 1; Inner b = 2; Kind c = 3; } message Inner { int32 n = 1; } enum Kind { K0 = 0; K1 = 1; }'
base=$(print_of "$first")
[ ${#base} = 32 ] || { echo "no fingerprint: '$base'"; exit 1; }
same() { [ "$(print_of "$1")" = "$base" ] || { echo "differs, and should not: $1"; exit 1; }; }
other() { [ "$(print_of "$1")" != "$base" ] || { echo "is the same, and should not be: $1"; exit 1; }; }
same '// a comment
enum Kind { K0 = 0; K1 = 1; } message Inner { int32 n = 1; } message Outer { Kind c = 3; Inner b = 2; string a = 1; } message More {}'
same "${first/a = 1/a = 1 [(weft.sensitive) = true]}"
other "${first/a = 1/a = 4}"
other "${first/string a/bytes a}"
other "${first/string a/optional string a}"
other "${first/string a/repeated string a}"
other "${first/string a = 1/string aa = 1}"
other "${first/string a = 1;/oneof o { string a = 1; \}}"
other "${first/int32 n/int64 n}"
other "${first/K1 = 1/K1 = 2}"
other "${first/K1 = 1;/K1 = 1; K2 = 2;}"
