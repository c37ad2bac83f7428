#!/usr/bin/env bash
# refused.sh PROTOC GENERATOR PROTO_DIR FILE: protoc refuses the contract and says each "// want: ..." of it.
set -eu
protoc=$1 generator=$2 options=$3 file=$4
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
if "$protoc" --plugin=protoc-gen-weft="$generator" -I"$(dirname "$file")" -I"$options" --weft_out="$out" "$file" 2>"$out/said"; then
    echo "protoc accepted $file"
    exit 1
fi
wants=$(sed -n 's|^// want: ||p' "$file")
[ -n "$wants" ] || { echo "$file says nothing of what it wants"; exit 1; }
while IFS= read -r want; do
    grep -qF -- "$want" "$out/said" || { printf 'wanted: %s\nsaid:   %s\n' "$want" "$(cat "$out/said")"; exit 1; }
done <<<"$wants"
