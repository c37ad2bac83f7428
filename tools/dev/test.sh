# `./dev test`: all tests of the release build, against servers of their own. Sourced by ./dev; arguments go to ctest.
source tools/dev/ctest.sh

status=0
with_servers ctest_run release "$@" || status=$?
exit $status
