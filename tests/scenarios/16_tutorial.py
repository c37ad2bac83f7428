#!/usr/bin/python3
"""docs/tutorial.md, run: every command of its sh blocks, in one shell, with ports and folders of our own; after each
block comes what its text block says, line by line and in that order."""

import re, shlex
from weft_scenario import *

TUTORIAL = ROOT / "docs/tutorial.md"
SECONDS = 240


def blocks():
    """(commands, lines that they print), in order."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", TUTORIAL.read_text(), re.M | re.S)
    for at, (kind, text) in enumerate(found):
        if kind == "sh":
            said = found[at + 1][1] if at + 1 < len(found) and found[at + 1][0] == "text" else ""
            yield text, said.splitlines()


def replacements(path):
    ports = {port: str(free_port()) for port in ("50051", "50052", "8080", "8081")}
    found = {f"127.0.0.1:{port}": f"127.0.0.1:{own}" for port, own in ports.items()}
    return found | {
        "/tmp/weft-tutorial": str(path / "tutorial"),
        "./dev build ": "true ",
        "$PWD/build/release/bin": str(BUILD / "bin"),
    }


def own(text, replaced):
    for theirs, ours in replaced.items():
        text = text.replace(theirs, ours)
    return text


def printed(said, lines, replaced):
    """None if the lines are in what was said, in order; else the first that is not."""
    rest = iter(said.splitlines())
    for line in lines:
        pattern = ".*".join(map(re.escape, own(line, replaced).split("…")))
        if not any(re.search(pattern, heard) for heard in rest):
            return line


def tutorial_does_what_it_says():
    for needed in ("psql", "curl"):
        if not shutil.which(needed):
            skip(f"no {needed}")
    need_servers()
    with folder() as path:
        path.chmod(0o755)  # PostgreSQL has a user of its own
        replaced = replacements(path)
        script = [
            "set -eu",
            f"cd {shlex.quote(str(ROOT))}",
            f"servers={path}/tutorial/servers",
            "trap 'kill $(jobs -p) 2>/dev/null || true; [ ! -d $servers ] || ./dev services down $servers' EXIT",
        ]
        for number, (commands, _) in enumerate(blocks()):
            script += [f"echo '@block {number}'", own(commands, replaced)]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
        clean |= {
            "WEFT_GRPC_LISTEN": own("127.0.0.1:50051", replaced),
            "WEFT_ADMIN_LISTEN": own("127.0.0.1:8080", replaced),
        }
        with open(path / "said", "w+") as said:
            try:
                status = subprocess.run(
                    ["bash", "-c", "\n".join(script)],
                    env=clean,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    timeout=SECONDS,
                ).returncode
            except subprocess.TimeoutExpired:
                status = f"still running after {SECONDS} s"
            said.seek(0)
            heard = said.read()
        parts = dict(re.findall(r"@block (\d+)\n(.*?)(?=@block|\Z)", heard, re.S))
        for number, (commands, lines) in enumerate(blocks()):
            missing = printed(parts.get(str(number), ""), lines, replaced)
            expect(
                missing is None, f"not printed: {missing!r}\nby:\n{commands}\nwhich printed:\n{parts.get(str(number))}"
            )
        expect_equal(status, 0, f"exit status of the tutorial\n{heard[-1500:]}")


scenario(tutorial_does_what_it_says)
