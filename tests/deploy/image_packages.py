#!/usr/bin/python3
"""The image installs the packages of every library that what it runs needs (PACKAGES_RUN in tools/dev/packages.sh), and
no other library: asked of dpkg, about the built files."""

import os, pathlib, re, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["WEFT_BUILD"])
ALWAYS = {"libc6"}  # in the base image
DATA = {"ca-certificates"}


def skip(why):
    print(f"SKIP deploy_image_packages: {why}")
    sys.exit(77)


def needed(file):
    out = subprocess.run(["readelf", "-d", str(file)], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", out))


def package_of(library):
    for pattern in (f"/usr/lib/*/{library}", f"/lib/*/{library}"):
        done = subprocess.run(["dpkg", "-S", pattern], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise SystemExit(f"no package has {library}")


def main():
    release = pathlib.Path("/etc/os-release").read_text()
    if 'VERSION_ID="12"' not in release or "ID=debian" not in release:
        skip("the image is Debian 12, whose packages have other names here")
    files = [
        BUILD / "bin/weft",
        *BUILD.glob("lib/libweft.so"),
        *BUILD.glob("lib/weft/plugins-1/*.so"),
        *BUILD.glob("lib/weft/services/*.so"),
    ]
    libraries = set().union(*map(needed, files)) - {"libweft.so.0"}
    wanted = {package_of(library) for library in libraries if not library.startswith("ld-linux")} - ALWAYS
    listed = set(re.search(r'PACKAGES_RUN="([^"]*)"', (ROOT / "tools/dev/packages.sh").read_text())[1].split()) - DATA
    found = [f"PACKAGES_RUN lacks {p}" for p in sorted(wanted - listed)] + [
        f"PACKAGES_RUN has {p}, which nothing needs" for p in sorted(listed - wanted)
    ]
    print("\n".join(found) or f"{len(libraries)} libraries of {len(files)} files, {len(wanted)} packages")
    sys.exit(1 if found else 0)


main()
