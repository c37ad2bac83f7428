#!/usr/bin/python3
"""includes.py CHECK [ROOT]: who may include whom, read from the #include lines themselves.

The architecture has one direction: services know core's public headers, core knows plugins by weft/plugin.h alone, plugins
know nothing of either. Inside core/src a room includes the rooms below it. Ends with 1 and a line for each that does not.
"""
import pathlib, re, sys

# A room of core/src and the rooms it may include beside itself: nothing that is not named here. `test` is weft/test.h's.
ROOMS = {
    "base": "",
    "observe": "base",
    "config": "base",
    "contract": "base",
    "data": "base observe contract",
    "event": "base observe contract data",
    "rpc": "base observe contract data",
    "host": "base observe config contract data event rpc",
    "test": "base observe config contract data event host",
    "command": "base observe config contract data event rpc host",
}

# The libraries of core and the rooms that may see each. A broker, a cache, a database is in none.
LIBRARIES = {
    r"grpc/(?!health/|reflection/)": "rpc",
    r"yaml\.h": "config",
    r"microhttpd\.h": "observe",
    r"openssl/": "base contract data",
    r"dlfcn\.h": "host test",
}
BACKENDS = r"amqp|hiredis|libpq|postgres|pg_config|sqlite|rabbitmq|async\.h|sds\.h"

# A plugin, beside weft/plugin.h, weft/value.h, its own folder and the system: its library, and folders it shares.
PLUGINS = {
    "cache-common": (r"(?!)", []),
    "cache-memory": (r"ut(hash|list)\.h", ["cache-common"]),
    "cache-redis": (r"hiredis(_ssl)?\.h", ["cache-common"]),
    "store-common": (r"ut(hash|list)\.h", []),
    "store-pg": (r"libpq-fe\.h", ["store-common"]),
    "store-sqlite": (r"sqlite3\.h", ["store-common"]),
    "transport-amqp": (r"amqp(_\w+)?\.h|openssl/evp\.h|ut(hash|list)\.h", []),
    "transport-memory": (r"ut(hash|list)\.h", []),
}

# What every program may include: the C library, POSIX and Linux, by pattern.
SYSTEM = re.compile(r"(assert|ctype|errno|fcntl|float|inttypes|limits|math|netdb|poll|pthread|sched|signal|stdalign|stdarg|"
                    r"stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|time|unistd)\.h|"
                    r"(sys|arpa|net|netinet|linux)/\w+\.h")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)


def includes(folder):
    """(file, header) for every #include below the folder."""
    for file in sorted(folder.rglob("*")):
        if file.suffix in (".c", ".h"):
            for header in INCLUDE.findall(file.read_text()):
                yield file, header


def rooms(root):
    found = {folder.name for folder in (root / "core/src").iterdir() if folder.is_dir()}
    yield from (f"core/src/{room} is in no table: say in {__file__} what it may include" for room in found - set(ROOMS))
    for room in found & set(ROOMS):
        for file, header in includes(root / "core/src" / room):
            other = header.split("/")[0]
            if "/" in header and other in found and other != room and other not in ROOMS[room].split():
                yield f"{file}: room {room} includes {header}, it may include {ROOMS[room] or 'none'}"


def acyclic(root):
    """The table itself: each room stands below those that may include it."""
    below = set()
    for room, allowed in ROOMS.items():
        yield from (f"{room} may include {other}, which is not below it" for other in allowed.split() if other not in below)
        below.add(room)


def libraries(root):
    for file, header in includes(root / "core"):
        room = file.relative_to(root).parts[2]
        if re.match(BACKENDS, header):
            yield f"{file} includes {header}: core knows no broker, cache or database; that is what plugins are for"
        for pattern, allowed in LIBRARIES.items():
            if re.match(pattern, header) and room not in allowed.split():
                yield f"{file} includes {header}, which only {allowed} may"


def plugins(root):
    found = [folder for folder in (root / "plugins").iterdir() if folder.is_dir()]
    for folder in found:
        if folder.name not in PLUGINS:
            yield f"plugins/{folder.name} is in no table: say in {__file__} which library it is for"
            continue
        library, shared = PLUGINS[folder.name]
        homes = [folder] + [root / "plugins" / name for name in shared]
        for file, header in includes(folder):
            if header in ("weft/plugin.h", "weft/value.h") or SYSTEM.fullmatch(header) or re.fullmatch(library, header):
                continue
            if ".." in header or not any((home / header).is_file() for home in homes):
                yield f"{file} includes {header}, which is neither weft/plugin.h nor its own nor its library's"


def services(root):
    generated = re.compile(r"[a-z0-9_/]+\.(weft|pb-c)\.h")
    protos = {str(p.relative_to(root / "proto").with_suffix("")) for p in (root / "proto").rglob("*.proto")}
    for folder in (root / "services").iterdir():
        for file, header in includes(folder) if folder.is_dir() else ():
            if header.startswith("weft/") and header not in ("weft/plugin.h", "weft/test.h"):
                continue
            if generated.fullmatch(header) and re.sub(r"\.(weft|pb-c)\.h$", "", header) in protos:
                continue
            own = ".." not in header and (folder / header).is_file()
            if SYSTEM.fullmatch(header) or own or header == f"{folder.name}_migrations.h":
                continue
            yield f"{file} includes {header}, which is neither <weft/...> nor generated nor its own"


def public(root):
    """The public headers include each other, protobuf-c and the C library: what is inside stays inside."""
    allowed = re.compile(r"weft/\w+\.h|protobuf-c/protobuf-c\.h|type_traits")
    for file, header in includes(root / "core/include"):
        if not allowed.fullmatch(header) and not SYSTEM.fullmatch(header):
            yield f"{file} includes {header}"
        if file.name in ("plugin.h", "value.h") and header.startswith("weft/") and header != "weft/value.h":
            yield f"{file} includes {header}: plugin authors need weft/plugin.h alone"


CHECKS = {check.__name__: check for check in (rooms, acyclic, libraries, plugins, services, public)}

if __name__ == "__main__":
    root = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else pathlib.Path(__file__).resolve().parents[2]
    wrong = list(CHECKS[sys.argv[1]](root))
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)
