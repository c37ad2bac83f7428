#!/usr/bin/python3
"""What the documents point to is there: files and headings they link, tests, files and commands they name."""

import os, pathlib, re, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["WEFT_BUILD"])
PAGES = [ROOT / "README.md", ROOT / "deploy/README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEST = re.compile(r"`((?:scenario|conformance|docs|deploy|unit|mutant)_[a-z0-9_]+\*?)`")
PATH = re.compile(r"`((?:core|plugins|services|tests|tools|deploy|docs|proto|bench|cmake)/[A-Za-z0-9_./*-]*)`")
COMMAND = re.compile(r"(?:^|[`(|] ?|dev )weft ([a-z]+(?: [a-z]+)?)", re.M)  # in code alone: prose speaks of weft too
CODE = re.compile(r"^```sh\n(.*?)^```|(`weft [^`]*`)", re.M | re.S)


def anchors(page):
    for heading in re.findall(r"^#+ (.*)$", page.read_text(), re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def tests():
    """Names of ctest, which may be given with a star at the end."""
    listed = subprocess.run(
        ["ctest", "--test-dir", str(BUILD), "-N"], capture_output=True, text=True, timeout=60
    ).stdout
    return set(re.findall(r"Test +#\d+: (\S+)", listed))


def commands():
    """The commands that `weft --help` lists: "run", "dead list"."""
    told = subprocess.run([str(BUILD / "bin/weft"), "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", told, re.M))


def is_command(words, known):
    return words in known or words.split()[0] in known


def broken(page, known):
    text = page.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        to = (page.parent / file).resolve() if file else page
        if not to.exists():
            yield f"links {target}, which is not there"
        elif anchor and anchor not in anchors(to):
            yield f"links {target}: {to.name} has no such heading"
    for name in set(TEST.findall(text)):
        if not any(re.fullmatch(name.replace("*", ".*"), test) for test in known):
            yield f"names the test {name}, which ctest does not know"
    code = "\n".join(block + quoted for block, quoted in CODE.findall(text))
    for words in set(COMMAND.findall(code)):
        if not is_command(words, COMMANDS):
            yield f"names the command weft {words}, which there is not"
    for name in set(PATH.findall(text)):
        if not list(ROOT.glob(name.rstrip("/"))):
            yield f"names {name}, which is not there"


COMMANDS = commands()
known = tests()
found = [f"{page.relative_to(ROOT)}: {what}" for page in PAGES for what in broken(page, known)]
print("\n".join(found) or f"{len(PAGES)} pages, and all they name is there")
sys.exit(1 if found else 0)
