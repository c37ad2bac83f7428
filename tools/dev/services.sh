#!/bin/bash
# Private RabbitMQ, Redis and PostgreSQL on loopback, all their files in one folder.
#   services.sh up DIR [rabbit|redis|pg]...   start (all three), wait until they answer, print the environment
#   services.sh env DIR                       print the environment again
#   services.sh kill DIR rabbit|redis|pg      kill -9: what a crash leaves behind; `up` starts it again
#   services.sh ctl DIR ARGS...               rabbitmqctl, for this folder's RabbitMQ
#   services.sh down DIR                      stop what this folder started
# WEFT_SERVICES_PORT is the first of six ports (else six free ones are found); the folder remembers them.
set -euo pipefail
command=${1:-} dir=${2:-}
[ -n "$command" ] && [ -n "$dir" ] || { sed -n '3,8s/^# *//p' "$0" >&2; exit 2; }
shift 2
# A daemon keeps what it inherits: no descriptor of the caller's (a lock, a pipe) may stay open in it.
for fd in /proc/$$/fd/*; do
    fd=${fd##*/}
    if [ "$fd" -gt 2 ] && [ "$fd" -lt 255 ]; then eval "exec $fd>&-" 2>/dev/null || true; fi
done
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

fail() { echo "services: $*" >&2; exit 1; }
listening() { (exec 8<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

ports_choose() {
    local base=${WEFT_SERVICES_PORT:-} try offset busy
    if [ -f "$dir/port" ]; then
        base=$(cat "$dir/port")
    elif [ -z "$base" ]; then
        for try in $(seq 1 200); do
            base=$((28000 + (RANDOM % 400) * 10)) busy=no
            for offset in 1 2 3 4 5; do if listening $((base + offset)); then busy=yes; fi; done
            if [ $busy = no ]; then break; fi
        done
    fi
    echo "$base" >"$dir/port"
    RABBIT_PORT=$((base + 1)) REDIS_PORT=$((base + 2)) PG_PORT=$((base + 3)) EPMD_PORT=$((base + 4)) DIST_PORT=$((base + 5))
}

# Does the pid in the file live, and is it what we started?
running() { # name
    [ -f "$dir/$1.pid" ] && grep -qaF "$dir" "/proc/$(cat "$dir/$1.pid")/cmdline" 2>/dev/null
}

wait_for() { # seconds name command...
    local end=$((SECONDS + $1)) name=$2
    shift 2
    until "$@" 2>/dev/null; do
        if [ $SECONDS -ge $end ]; then
            tail -20 "$dir/$name.log" >&2 2>/dev/null || true
            fail "$name does not answer; its log is $dir/$name.log"
        fi
        read -rt 0.05 <> <(:) || true
    done
}

# ---- RabbitMQ: everything by environment; the script in lib, as the one in sbin changes user and folder ----

rabbit_environment() {
    export HOME=$dir/rabbit ERL_EPMD_PORT=$EPMD_PORT ERL_EPMD_ADDRESS=127.0.0.1
    export RABBITMQ_NODENAME=weft$RABBIT_PORT@localhost RABBITMQ_DIST_PORT=$DIST_PORT
    export RABBITMQ_CONF_ENV_FILE=$dir/rabbit/env RABBITMQ_CONFIG_FILE=$dir/rabbit/rabbitmq.conf
    export RABBITMQ_ADVANCED_CONFIG_FILE=$dir/rabbit/advanced.config RABBITMQ_GENERATED_CONFIG_DIR=$dir/rabbit/generated
    export RABBITMQ_MNESIA_BASE=$dir/rabbit/mnesia RABBITMQ_LOG_BASE=$dir/rabbit/log
    export RABBITMQ_ENABLED_PLUGINS_FILE=$dir/rabbit/plugins RABBITMQ_PID_FILE=$dir/rabbit/own.pid
    export RABBITMQ_ALLOW_INPUT=1 # so that the script becomes the node and our pid is the node's
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-noinput +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
}

rabbit_up() {
    local server=/usr/lib/rabbitmq/bin/rabbitmq-server
    [ -x $server ] || fail "no $server: install rabbitmq-server"
    mkdir -p "$dir/rabbit"
    : >"$dir/rabbit/env"
    echo '[].' >"$dir/rabbit/plugins"
    [ -f "$dir/rabbit/.erlang.cookie" ] || { printf 'weft%s' "$RABBIT_PORT" >"$dir/rabbit/.erlang.cookie"; chmod 400 "$dir/rabbit/.erlang.cookie"; }
    cat >"$dir/rabbit/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$RABBIT_PORT
log.file = false
log.console = true
log.console.level = warning
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
CONF
    (rabbit_environment; cd "$dir/rabbit"; exec setsid $server >>"$dir/rabbit.log" 2>&1 </dev/null) &
    echo $! >"$dir/rabbit.pid"
}

# The broker answers the protocol header with a method frame (type 1).
rabbit_answers() {
    local first
    exec 9<>"/dev/tcp/127.0.0.1/$RABBIT_PORT" || return 1
    printf 'AMQP\0\0\11\1' >&9
    first=$(timeout 1 head -c 1 <&9 | od -An -tx1)
    exec 9>&-
    [ "${first// /}" = 01 ]
}

redis_up() {
    mkdir -p "$dir/redis"
    setsid redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$dir/redis" --save "" --appendonly no \
        --pidfile "$dir/redis/own.pid" >>"$dir/redis.log" 2>&1 </dev/null &
    echo $! >"$dir/redis.pid"
}
redis_running() { [ -f "$dir/redis.pid" ] && grep -qa redis "/proc/$(cat "$dir/redis.pid")/cmdline" 2>/dev/null; }

# ---- PostgreSQL refuses root: as user postgres then, whose way to the folder must be open ----

pg_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }
as_postgres() { if [ "$(id -u)" = 0 ]; then (cd "$dir/pg" && runuser -u postgres -- "$@"); else "$@"; fi; }

pg_up() {
    local bin
    bin=$(pg_bin)
    [ -n "$bin" ] || fail "no PostgreSQL server: install postgresql"
    mkdir -p "$dir/pg"
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$dir/pg"
        chmod o+x "$dir"
        runuser -u postgres -- test -w "$dir/pg" || fail "user postgres cannot reach $dir/pg: choose a folder under /tmp"
    fi
    if [ ! -d "$dir/pg/data" ]; then
        as_postgres "$bin/initdb" -D "$dir/pg/data" -U weft -A trust -E UTF8 --locale=C --no-sync --no-instructions >"$dir/pg.log" 2>&1 ||
            { cat "$dir/pg.log" >&2; fail "initdb failed"; }
        as_postgres tee -a "$dir/pg/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $PG_PORT
unix_socket_directories = '$dir/pg'
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
track_commit_timestamp = on
jit = off
log_min_messages = warning
CONF
    fi
    as_postgres "$bin/pg_ctl" -D "$dir/pg/data" -l "$dir/pg/server.log" -w -t 60 start >/dev/null ||
        { tail -20 "$dir/pg/server.log" >&2; fail "PostgreSQL does not start"; }
    head -1 "$dir/pg/data/postmaster.pid" >"$dir/pg.pid"
    local sql=(psql -qAtX -h 127.0.0.1 -p "$PG_PORT" -U weft -d postgres)
    [ -n "$("${sql[@]}" -c "SELECT 1 FROM pg_database WHERE datname = 'weft'")" ] || "${sql[@]}" -c 'CREATE DATABASE weft'
}

environment() {
    if running rabbit; then echo "export RABBITMQ_URI=amqp://guest:guest@127.0.0.1:$RABBIT_PORT/ RABBIT_PID=$(cat "$dir/rabbit.pid")"; fi
    if redis_running; then echo "export REDIS_URL=redis://127.0.0.1:$REDIS_PORT/0 REDIS_PID=$(cat "$dir/redis.pid")"; fi
    if running pg; then echo "export DATABASE_URL=postgres://weft@127.0.0.1:$PG_PORT/weft PG_PID=$(cat "$dir/pg.pid")"; fi
}

up() {
    local wanted=${*:-rabbit redis pg} name
    for name in $wanted; do
        case $name in
        rabbit) running rabbit || rabbit_up ;;
        redis) redis_running || redis_up ;;
        pg) running pg || pg_up ;;
        *) fail "no server '$name': rabbit, redis or pg" ;;
        esac
    done
    case " $wanted " in *" redis "*) wait_for 10 redis listening "$REDIS_PORT" ;; esac
    case " $wanted " in *" rabbit "*) wait_for 60 rabbit rabbit_answers ;; esac
    environment
}

ended() { ! kill -0 "$1" 2>/dev/null; }

stop_one() { # name signal
    local pid
    pid=$(cat "$dir/$1.pid")
    kill "-$2" "$pid" 2>/dev/null || true
    wait_for 30 "$1" ended "$pid"
}

down() {
    if running pg; then stop_one pg INT; fi # fast shutdown
    if redis_running; then stop_one redis TERM; fi
    if running rabbit; then stop_one rabbit TERM; fi
    # epmd outlives the node; this one is ours, as its port is.
    if [ -d "$dir/rabbit" ]; then epmd -port "$EPMD_PORT" -kill >/dev/null 2>&1 || true; fi
    rm -f "$dir"/*.pid
}

ports_choose
case $command in
up) up "$@" ;;
env) environment ;;
kill) case ${1:-} in rabbit | redis | pg) stop_one "$1" KILL ;; *) fail "kill rabbit, redis or pg" ;; esac ;;
ctl) (rabbit_environment; exec timeout 60 /usr/lib/rabbitmq/bin/rabbitmqctl -n "$RABBITMQ_NODENAME" "$@") ;;
down) down ;;
*) fail "no command '$command': up, env, kill, ctl or down" ;;
esac
