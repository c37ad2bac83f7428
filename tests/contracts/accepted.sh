#!/usr/bin/env bash
# accepted.sh PROTOC GENERATOR PROTO_DIR INCLUDES CC CXX FILE: what is made of the contract compiles without a warning,
# the header as C11 and C++11 too. INCLUDES are folders, separated by ':'.
set -eu
protoc=$1 generator=$2 options=$3 includes=$4 cc=$5 cxx=$6 file=$7
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
name=$(basename "$file" .proto)
"$protoc" --plugin=protoc-gen-weft="$generator" -I"$(dirname "$file")" -I"$options" --weft_out="$out" "$file"
flags=(-Wall -Wextra -Wshadow -Wconversion -Werror -fsyntax-only -I"$out" -isystem "$out/system")
IFS=: read -ra folders <<<"$includes"
for folder in "${folders[@]}"; do flags+=(-isystem "$folder"); done
mkdir "$out/system"
mv "$out"/*.pb-c.h "$out/system"
echo "#include \"$name.weft.h\"" >"$out/header.c"
"$cc" -std=gnu17 -Wstrict-prototypes "${flags[@]}" "$out/$name.weft.c"
"$cc" -std=c11 -Wstrict-prototypes "${flags[@]}" "$out/header.c"
"$cxx" -std=c++11 -x c++ "${flags[@]}" "$out/header.c"
