#!/bin/bash
# weft beside services tuned by hand in Go, on one workload, in one interleaved run (the peers' README tells what they do):
#   ./dev bench [ROUNDS [PEER...]]      default: 3 rounds beside peer c
# Needs Go, and the peers' folder (PEERS, default ../shared/peers). Servers of its own, the same queue type for all,
# info logs on, fsync on. Prints medians and ratios; every round's JSON stays in build/bench/out.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD rounds=${1:-3}
shift || true
peers=${*:-c}
: "${PEERS:=$root/../shared/peers}" "${PEERS_BUILD:=$root/build/bench}"
[ -d "$PEERS" ] || { echo "bench: no peers in $PEERS; set PEERS" >&2; exit 2; }
command -v go >/dev/null || { echo "bench: Go is needed for the peers and the load driver" >&2; exit 2; }
[ -x build/release/bin/weft ] || ./dev build
export PEERS_BUILD OUT=${OUT:-$PEERS_BUILD/out}
[ -x "$PEERS_BUILD/bin/harness" ] || { sh "$PEERS/scripts/build.sh" tools && sh "$PEERS/scripts/build.sh" go; }

servers=$(mktemp -d /tmp/weft-bench.XXXXXX)
chmod 755 "$servers"
trap 'tools/dev/services.sh down "$servers"; rm -rf "$servers"' EXIT
eval "$(tools/dev/services.sh up "$servers")"
export AMQP_URL=$RABBITMQ_URI REDIS_URL DATABASE_URL PG_PID RABBIT_PID REDIS_PID

# The harness gives GRPC_ADDR, DATABASE_URL, REDIS_URL and AMQP_URL to each command.
weft() { echo "env WEFT_GRPC_LISTEN=\$GRPC_ADDR RABBITMQ_URI=\$AMQP_URL WEFT_ADMIN_LISTEN=off WEFT_AMQP_QUEUE_TYPE=classic $root/build/release/bin/weft run --service $1"; }
OURS_USER_CMD=$(weft user-service)
OURS_ORDER_CMD=$(weft order-service)
export OURS_USER_CMD OURS_ORDER_CMD OURS_FLAGS="-own-schema -inbox weft_inbox"
unset RABBITMQ_URI
rm -rf "$OUT"
sh "$PEERS/scripts/run.sh" "$rounds" "${MODE:-bench}" $peers ours
python3 "$PEERS/scripts/report.py" "$OUT" $peers ours
