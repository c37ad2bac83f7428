#!/usr/bin/env bash
# incremental.sh CMAKE SOURCE_DIR GENERATOR: a project of its own with weft_generate() and weft_migrations(). Nothing
# changed: nothing is built. An imported file changed: what imports it is made again. A bad migration name is refused.
set -eu
cmake=$1 source=$2 generator=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/proto" "$work/sql"
cat >"$work/proto/common.proto" <<'P'
syntax = "proto3";
package inc.v1;
message Common { string id = 1; }
P
cat >"$work/proto/main.proto" <<'P'
syntax = "proto3";
package inc.v1;
import "common.proto";
message Main { Common common = 1; }
P
printf 'CREATE TABLE a (t text DEFAULT '"'"'x;"\\[y'"'"');\n' >"$work/sql/0001_a.sql"
printf 'SELECT 1;\n' >"$work/sql/0010_b.pg.sql"
printf 'SELECT 2;\n' >"$work/sql/0010_b.sqlite.sql"
cat >"$work/main.c" <<'P'
#include "moves.h"
#include <stdio.h>
int main(void)
{
    for (int i = 0; i < moves_count; i++)
        printf("%s %s %u %s", moves[i].name, moves[i].dialect != NULL ? moves[i].dialect : "any", moves[i].version, moves[i].sql);
    return 0;
}
P
cat >"$work/CMakeLists.txt" <<P
cmake_minimum_required(VERSION 3.25)
project(inc LANGUAGES C)
list(APPEND CMAKE_MODULE_PATH $source/cmake)
set(BUILD_TESTING OFF)
include(WeftDependencies)
include(WeftGenerate)
include(WeftMigrations)
weft_generate(inc_contract PROTO_ROOT proto PROTOS common.proto main.proto)
add_executable(moved main.c)
target_include_directories(moved PRIVATE $source/core/include)
target_link_libraries(moved PkgConfig::PROTOBUF_C)
weft_migrations(moved SYMBOL moves DIRECTORY sql)
P
fail() { echo "$1"; cat "$work/log"; exit 1; }
build() { "$cmake" --build "$work/build" >"$work/log" 2>&1 || fail "the build fails"; }
"$cmake" -G Ninja -S "$work" -B "$work/build" -DWEFT_PROTOC_GEN_WEFT="$generator" >"$work/log" 2>&1 || fail "cannot configure"
build
build
grep -q 'no work to do' "$work/log" || fail "a build without a change does something"

touch "$work/proto/common.proto"
build
grep -q 'contract main.proto' "$work/log" || fail "a changed import does not rebuild main.proto"
touch "$work/proto/main.proto"
build
grep -q 'contract common.proto' "$work/log" && fail "common.proto is made again though only main.proto changed"

said=$("$work/build/moved")
want=$(printf '0001_a any 1 CREATE TABLE a (t text DEFAULT '"'"'x;"\\[y'"'"');\n0010_b pg 10 SELECT 1;\n0010_b sqlite 10 SELECT 2;\n')
[ "$said" = "$want" ] || { printf 'migrations: %s\nwanted:     %s\n' "$said" "$want"; exit 1; }
echo 'SELECT 3;' >"$work/sql/0010_c.sql"
"$cmake" --build "$work/build" >"$work/log" 2>&1 && fail "a number taken twice is accepted"
grep -q 'number 0010 is taken by 0010_b' "$work/log" || fail "a number taken twice is not named"
mv "$work/sql/0010_c.sql" "$work/sql/11_c.sql"
"$cmake" --build "$work/build" >"$work/log" 2>&1 && fail "a bad name is accepted"
grep -q '11_c.sql: the name is not like' "$work/log" || fail "a bad name is not named"
