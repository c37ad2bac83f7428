#!/bin/bash
# deploy/Dockerfile under hadolint.
hadolint=${WEFT_HADOLINT:-$(command -v hadolint)}
[ -n "$hadolint" ] || { echo "SKIP deploy_dockerfile: no hadolint: tests/deploy/tools.sh gets it, or set WEFT_HADOLINT"; exit 77; }
exec "$hadolint" "$(dirname "$0")/../../deploy/Dockerfile"
