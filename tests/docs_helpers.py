"""What a reader of a page does: save its files, add its params, type its commands."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from helpers import ROOT

BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Page:
    """A page of docs/ that adds a member.

    Attributes:
        files: content of each file that the reader writes, by its path.
        params: pairs of a block of params.yaml and the text that goes under it.
        commands: lines that the reader types.
    """

    files: dict[str, str]
    params: list[tuple[str, str]]
    commands: list[list[str]]

    def follow(self, workspace: Path) -> None:
        """Write the files and the params into a workspace."""
        for name, content in self.files.items():
            path = workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        text = (workspace / "params.yaml").read_text()
        for block, options in self.params:
            assert text.count(f"\n{block}:\n") == 1
            text = text.replace(f"\n{block}:\n", f"\n{block}:\n{options}")
        (workspace / "params.yaml").write_text(text)


def read(name: str) -> Page:
    """A page of docs/; the line before a block says which file it is, or where its params go."""
    text = (ROOT / "docs" / f"{name}.md").read_text()
    page = Page({}, [], [])
    for block in BLOCK.finditer(text):
        language, content = block.groups()
        before = text[: block.start()].strip().splitlines()[-1]
        named = re.findall(r"`([^`]+)`", before)[-1:]
        if language == "python":
            page.files[named[0]] = content
        elif language == "yaml":
            page.params.append((named[0].removesuffix(":"), content))
        else:
            lines = (line.removeprefix("$ ") for line in content.splitlines())
            page.commands.extend(shlex.split(line, comments=True) for line in lines)
    return page
