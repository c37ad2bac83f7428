#!/bin/sh
# configuration.sh WEFT PAGE: is the committed page of settings what the tables say now?
page=$(readlink -f "$2")
made=$(mktemp) && trap 'rm -f "$made"' EXIT
cd / && env -i "$1" config --reference > "$made" || exit 1
diff -u "$page" "$made" && exit 0
echo "the page is stale; run: weft config --reference > docs/configuration.md"
exit 1
