#!/usr/bin/python3
"""Bad settings end the start with one clear line and a non-zero status; bad requests get their gRPC status; nothing crashes."""
import socket
from weft_scenario import *


def ends_with_one_line(path, words, environment=None, arguments=(), command=None):
    """Runs `weft run` (or another command) that must refuse; all `words` stand in its one line."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
    clean.update({"WEFT_GRPC_LISTEN": "127.0.0.1:0", "WEFT_ADMIN_LISTEN": f"127.0.0.1:{free_port()}", "WEFT_DATA_DIR": str(path / "data")})
    clean.update(environment or {})
    command = command or [str(WEFT), "run", "--service", "user-service", *arguments]
    try:
        done = subprocess.run(command, env=clean, cwd=path, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command[1:])} with {environment}: still running")
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line and '"level":"info"' not in line]
    expect(done.returncode > 0, f"exit status {done.returncode} of {command[1:]} with {environment}: {lines}")
    expect(len(lines) == 1, f"want one line from {command[1:]} with {environment}: {lines}")
    for word in words:
        expect(word in lines[0], f"'{word}' is not in: {lines[0]}")
    print(f"  {lines[0]}")


def bad_settings(path):
    (path / "weft.yaml").write_text("grpc:\n  listen: 127.0.0.1:0\n  lissten: 1\n")
    ends_with_one_line(path, ["weft.yaml", "3", "lissten", "listen"])
    (path / "weft.yaml").write_text("drain:\n  timeout: soon\n")
    ends_with_one_line(path, ["weft.yaml", "2", "timeout", "soon"])
    (path / "weft.yaml").write_text("grpc: [\n")
    ends_with_one_line(path, ["weft.yaml"])
    (path / "weft.yaml").write_text("services:\n  user-service:\n    groups:\n      order-evnts:\n        paused: true\n")
    ends_with_one_line(path, ["order-evnts", "order-events"])
    (path / "weft.yaml").unlink()
    ends_with_one_line(path, ["nosuch"], {"WEFT_STORE": "nosuch://host/db"})
    ends_with_one_line(path, ["WEFT_TRANSPORT"], {"WEFT_TRANSPORT": "not a url"})
    ends_with_one_line(path, ["port"], {"WEFT_STORE": "postgres://host:99999/db"})
    ends_with_one_line(path, ["ghost-service"], command=[str(WEFT), "run", "--service", "ghost-service"])
    ends_with_one_line(path, ["tpyo"], {"WEFT_TRANSPORT": "amqp://127.0.0.1/?tpyo=1"})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ends_with_one_line(path, [str(port)], {"WEFT_GRPC_LISTEN": f"127.0.0.1:{port}"})
        ends_with_one_line(path, [str(port)], {"WEFT_ADMIN_LISTEN": f"127.0.0.1:{port}"})


def bad_plugins(path):
    """A plugin of another ABI, one that anyone could write to, one that is no plugin."""
    plugins = path / "plugins"
    shutil.copytree(BUILD / "lib" / "weft" / "plugins-1", plugins)
    plugins.chmod(0o755)
    cache = plugins / "cache-memory.so"
    good = cache.read_bytes()
    expect(good.count(b"abi=1.0;kind=cache") == 1, "the note of cache-memory.so")
    cache.write_bytes(good.replace(b"abi=1.0;kind=cache", b"abi=9.0;kind=cache"))
    ends_with_one_line(path, ["cache-memory.so", "9.0", "1.0"], {"WEFT_PLUGIN_DIR": str(plugins)})
    cache.write_bytes(good)
    cache.chmod(0o666)
    ends_with_one_line(path, ["cache-memory.so", "writable"], {"WEFT_PLUGIN_DIR": str(plugins)})
    cache.write_bytes(b"\x7fELF but not really")
    cache.chmod(0o644)
    ends_with_one_line(path, ["memory"], {"WEFT_PLUGIN_DIR": str(plugins)})
    ends_with_one_line(path, ["no-such-folder"], {"WEFT_PLUGIN_DIR": str(path / "no-such-folder")})


def raw_call(channel, method, payload, timeout=30):
    import grpc
    call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
    try:
        call(payload, timeout=timeout)
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


def bad_requests(path):
    with Weft(path, "weft") as weft:
        weft.start()
        client = Client(weft.address)
        channel, create = client.channels[0], "/user.v1.UserService/CreateUser"
        invalid, large = "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"
        for email, name in (("", "Ann"), ("a" * 310 + "@example.com", "Ann"), ("no-at-sign", "Ann"), ("ann@example.com", ""),
                            ("ann@example.com", "n" * 201)):
            expect_equal(status_of(client.create_user, email or " ", name) if email else
                         raw_call(channel, create, b"\x12\x03Ann"), invalid, f"email {email[:20]!r}, name {name[:20]!r}")
        expect_equal(raw_call(channel, create, b"\x0a\x09a@\xff\xfe.com\x12\x01x"), invalid, "invalid UTF-8")
        expect_equal(raw_call(channel, create, b"\x0a\x7fshort"), invalid, "truncated")
        expect_equal(raw_call(channel, create, b"\x0a\x05a\x00@bc\x12\x01x"), invalid, "NUL inside a string")
        expect_equal(raw_call(channel, create, b"\x0a\x64" + b"x" * (100 << 20)), large, "100 MB request")
        expect_equal(raw_call(channel, "/user.v1.UserService/NoSuch", b""), "UNIMPLEMENTED", "unknown method")
        expect_equal(raw_call(channel, "/no.Such/Method", b""), "UNIMPLEMENTED", "unknown service")
        expect_equal(status_of(client.users.GetUser, client.user_pb.GetUserRequest(id="not-a-uuid")), "NOT_FOUND", "malformed id")
        expect_equal(status_of(client.place_order, ZERO_ID), "FAILED_PRECONDITION", "unknown customer")
        expect_equal(status_of(client.place_order, ZERO_ID, quantity=0), invalid, "quantity 0")
        for arguments, words in ((["{not json"], ["line 1"]), (['{"nosuch":1}'], ["nosuch"]), (['{"email":5}'], ["email"])):
            ends_with_one_line(path, words, command=[str(WEFT), "call", weft.address, "user.v1.UserService/CreateUser", *arguments])
        ends_with_one_line(path, ["NoSuch"], command=[str(WEFT), "call", weft.address, "user.v1.UserService/NoSuch", "{}"])
        ends_with_one_line(path, ["127.0.0.1:1"], command=[str(WEFT), "call", "127.0.0.1:1", "user.v1.UserService/CreateUser", "{}"])
        client.create_user()
        client.close()
        expect_equal(weft.stop(), 0, "exit status")
        weft.log_lines()


def bad_input_is_told_and_does_no_harm():
    with folder() as path:
        bad_settings(path)
        bad_plugins(path)
        bad_requests(path)


scenario(bad_input_is_told_and_does_no_harm)
