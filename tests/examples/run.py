"""Runs the examples of docs/graphql.md as they stand, and looks for what each promises to print.

usage: run.py, with COLLOQUY, TOKEN and PROJECT as the examples want them; packages are in .local/examples (scripts/examples.sh).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / ".local/examples"
DOCUMENT = ROOT / "docs/graphql.md"
EXAMPLE = re.compile(r"<!-- prints: (?P<promise>.*?) -->\n```(?P<language>sh|python|ts)\n(?P<code>.*?)^```$", re.M | re.S)
PROGRAMS = {
    "sh": ["bash", "-eu"],
    "python": [PACKAGES / "venv/bin/python"],
    "ts": [PACKAGES / "node_modules/.bin/tsx"],
}
TIMEOUT_S = 60


def main() -> int:
    examples = list(EXAMPLE.finditer(DOCUMENT.read_text()))
    # A block that the pattern does not see would never be run.
    blocks = len(re.findall(r"^```(?:sh|python|ts)$", DOCUMENT.read_text(), re.M))
    if not examples or len(examples) != blocks:
        print(f"{blocks} examples, {len(examples)} of them say what they print", file=sys.stderr)
        return 1
    environment = {**os.environ, "PATH": f"{PACKAGES / 'venv/bin'}:{os.environ['PATH']}"}
    failed = 0
    for number, example in enumerate(examples, start=1):
        language = example["language"]
        # Beside the packages, where Node looks for them.
        file = PACKAGES / f"example-{number}.{ {'sh': 'sh', 'python': 'py', 'ts': 'ts'}[language] }"
        file.write_text(example["code"])
        ran = subprocess.run([*PROGRAMS[language], file], env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
        kept = ran.returncode == 0 and example["promise"] in ran.stdout
        print(f"{'ok' if kept else 'FAILED'}: {language} prints {example['promise']}")
        if not kept:
            failed += 1
            print(f"exit {ran.returncode}\n{ran.stdout}\n{ran.stderr}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
