# `./dev sanitize`: the tests that exercise libraries, plugins and services in-process, under a sanitizer. Sourced with
# the preset's name.
source tools/dev/ctest.sh

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export LSAN_OPTIONS=suppressions=$ROOT/tools/dev/leaks.suppressions:print_suppressions=0
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$ROOT/tools/dev/races.suppressions
status=0
with_servers ctest_run "$1" --label-exclude scenario || status=$?
exit $status
