#!/usr/bin/env python3
"""The licences of everything that is built into the programs and the page.

usage: licences.py check     every licence is one that deny.toml allows
       licences.py collect   writes their texts into .local/THIRD-PARTY-LICENCES.txt
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ["processor", "gateway", "intake"]
TEXTS = re.compile(r"^(licen[cs]e|copying|notice|unlicense)", re.I)


def crates() -> list[dict]:
    """What the services are built from, without what only their tests or build scripts need."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    pending = [id for id, package in packages.items() if package["name"] in SERVICES and not package["source"]]
    reached = set()
    while pending:
        id = pending.pop()
        if id in reached:
            continue
        reached.add(id)
        for dependency in nodes[id]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                pending.append(dependency["pkg"])
    return [
        {
            "name": packages[id]["name"],
            "version": packages[id]["version"],
            "licence": packages[id]["license"] or "",
            "folder": Path(packages[id]["manifest_path"]).parent,
        }
        for id in sorted(reached, key=lambda id: packages[id]["name"])
        if packages[id]["source"]
    ]


def modules() -> list[dict]:
    """What is bundled into the page: the lock file without development packages."""
    web = ROOT / "services/web"
    lock = json.loads((web / "package-lock.json").read_text())
    return [
        {
            "name": path.rpartition("node_modules/")[2],
            "version": package["version"],
            "licence": package.get("license", ""),
            "folder": web / path,
        }
        for path, package in sorted(lock["packages"].items())
        if path and not package.get("dev") and not package.get("optional") and not package.get("peer")
    ]


def is_allowed(licence: str, allowed: set[str]) -> bool:
    """An SPDX expression: one side of OR is enough, of AND all are needed. The old `/` means OR."""
    expression = licence.strip().replace("/", " OR ")
    while expression.startswith("(") and expression.endswith(")") and "(" not in expression[1:]:
        expression = expression[1:-1].strip()
    for word, every in ((" OR ", False), (" AND ", True)):
        parts = split(expression, word)
        if len(parts) > 1:
            verdicts = [is_allowed(part, allowed) for part in parts]
            return all(verdicts) if every else any(verdicts)
    return expression in allowed


def split(expression: str, word: str) -> list[str]:
    """At `word`, outside of parentheses."""
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(expression):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0 and expression.startswith(word, index):
            parts.append(expression[start:index])
            start = index + len(word)
    return [*parts, expression[start:]]


def check(packages: list[dict]) -> int:
    allowed = set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"])
    refused = [package for package in packages if not is_allowed(package["licence"], allowed)]
    for package in refused:
        print(f"error: {package['name']} {package['version']} has the licence {package['licence']!r}: "
              "weigh it and add it to deny.toml, or do without", file=sys.stderr)
    print(f"{len(packages)} dependencies, {len(refused)} with a licence that is not allowed")
    return 1 if refused else 0


def collect(packages: list[dict]) -> int:
    target = ROOT / ".local/THIRD-PARTY-LICENCES.txt"
    target.parent.mkdir(exist_ok=True)
    with target.open("w") as file:
        for package in packages:
            file.write(f"{'=' * 100}\n{package['name']} {package['version']}: {package['licence']}\n")
            texts = sorted(path for path in package["folder"].glob("*") if path.is_file() and TEXTS.match(path.name))
            for path in texts:
                file.write(f"--- {path.name}\n{path.read_text(errors='replace').strip()}\n")
    print(f"{target.relative_to(ROOT)}: {len(packages)} dependencies")
    return 0


def main() -> int:
    packages = crates() + modules()
    match sys.argv[1:]:
        case ["check"]:
            return check(packages)
        case ["collect"]:
            return collect(packages)
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
