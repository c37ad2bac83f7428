#!/usr/bin/python3
"""docs/service-guide.md is a service: its blocks are put together by their file names, compiled with warnings as
errors, and its test is run. Blocks named as snippets are compiled alone."""

import os, pathlib, re, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["WEFT_BUILD"])
GUIDE = ROOT / "docs/service-guide.md"
BLOCK = re.compile(r"^`([^`\n]+)`\n```\w+\n(.*?)^```$", re.M | re.S)
WARNINGS = ["-std=gnu17", "-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Wvla", "-Werror", "-D_GNU_SOURCE"]


def run(*command, cwd, env=None):
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command[:3]))} ...: exit status {done.returncode}\n{done.stdout}{done.stderr}")


def blocks_write(folder):
    """Writes the files that the blocks make up; returns their names."""
    texts = {}
    for name, text in BLOCK.findall(GUIDE.read_text()):
        name = re.sub(r"^snippet: (\w+)$", r"snippet_\1.c", name)
        texts[name] = texts.get(name, "") + ("\n" if name in texts else "") + text
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    named = [name for name, _ in BLOCK.findall(GUIDE.read_text()) if name.endswith(".c") or name.startswith("snippet")]
    if len(named) != len(re.findall(r"^```c$", GUIDE.read_text(), re.M)):
        sys.exit("a block of C in the guide names no file, so nothing compiles it")
    return list(texts)


def generate(folder):
    """Typed C of the contract, and the migrations as a table: what weft's CMake functions would do."""
    run(
        *("protoc", f"-I{folder}", f"-I{ROOT / 'proto'}", "-I/usr/include", f"--weft_out={folder}"),
        *(f"--plugin=protoc-gen-weft={BUILD / 'bin/protoc-gen-weft'}", "loyalty/v1/loyalty.proto"),
        cwd=folder,
    )
    variables = ("-DSYMBOL=loyalty_migrations", f"-DDIRECTORY={folder / 'migrations'}", f"-DOUT={folder}")
    run("cmake", *variables, "-P", ROOT / "cmake/WeftMigrationsWrite.cmake", cwd=folder)


def includes_of(folder):
    contracts = ("wellknown", "order_contract.contract", "user_contract.contract")
    system = [part for contract in contracts for part in ("-isystem", BUILD / "proto" / contract)]
    return [f"-I{folder}", f"-I{ROOT / 'core/include'}", *system]


def snippets_compile(folder, names, includes):
    """Those of the guide, and the service that the README shows."""
    readme = re.search(r"^```c\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)[1]
    headers = '#include "user/v1/events.weft.h"\n#include <weft/service.h>\n'
    (folder / "snippet_readme.c").write_text(headers + readme)
    for name in [n for n in names if n.startswith("snippet_")] + ["snippet_readme.c"]:
        ignored = ("-Wno-unused-function", "-Wno-unused-parameter")
        run("cc", "-fsyntax-only", *WARNINGS, *ignored, *includes, name, cwd=folder)


def service_link(folder, includes):
    for source in ("loyalty.c", "loyalty_test.c"):
        run("cc", "-c", "-fPIC", *WARNINGS, '-DSERVICE_FILE="./loyalty-service.so"', *includes, source, cwd=folder)
    generated = [folder / "loyalty/v1/loyalty.pb-c.c", folder / "loyalty/v1/loyalty.weft.c"]
    contracts = [*BUILD.glob("proto/liborder_contract.a"), *BUILD.glob("lib/liborder_contract.a")]
    weft = [f"-L{BUILD / 'lib'}", f"-Wl,-rpath,{BUILD / 'lib'}", "-lweft", "-lprotobuf-c"]
    common = [*includes, *generated, *contracts, *weft]
    shared = ("cc", "-shared", "-fPIC", "-fvisibility=hidden", "-o", "loyalty-service.so")
    run(*shared, "loyalty.o", "loyalty_migrations.c", *common, cwd=folder)
    run("cc", "-o", "loyalty_test", "loyalty_test.o", *common, cwd=folder)


def main():
    with tempfile.TemporaryDirectory(prefix="weft-guide-") as name:
        folder = pathlib.Path(name)
        names = blocks_write(folder)
        generate(folder)
        includes = includes_of(folder)
        snippets_compile(folder, names, includes)
        service_link(folder, includes)
        run("./loyalty_test", cwd=folder, env=os.environ | {"WEFT_PLUGIN_DIR": str(BUILD / "lib/weft/plugins-1")})
        print(f"{len(names)} files of the guide compile, and its test passes")


main()
