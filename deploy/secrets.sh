#!/bin/bash
# Makes the secrets that deploy/compose.yaml mounts, each a file of deploy/secrets/ (which git ignores). What is there
# stays as it is, so running it again changes nothing; remove the folder together with the volumes to begin anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p secrets
chmod 700 secrets # the folder keeps others out; the files are read by the containers' own users
umask 022

password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # name text
    [ -e "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"
}

keep postgres_password "$(password)"
keep redis_password "$(password)"
keep rabbitmq_password "$(password)"
keep database_url "postgres://weft:$(cat secrets/postgres_password)@postgres/weft"
keep redis_url "redis://:$(cat secrets/redis_password)@redis/0"
keep rabbitmq_uri "amqp://weft:$(cat secrets/rabbitmq_password)@rabbitmq/"
# Keys without expiry (the journal of direct events) are never evicted.
keep redis_conf "requirepass $(cat secrets/redis_password)
appendonly yes
maxmemory 256mb
maxmemory-policy volatile-lru"
keep rabbitmq_conf "default_user = weft
default_pass = $(cat secrets/rabbitmq_password)"
echo "secrets are in $PWD/secrets"
