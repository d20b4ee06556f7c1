"""Write the reference of the command line from what ``--help`` shows: the commands, their arguments and options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from infra.cli import main_app

MARKER = "<!-- the commands and their help -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the commands where the marker stands."""
    return markdown.replace(MARKER, "\n".join(commands())) if MARKER in markdown else markdown


def commands() -> Iterator[str]:
    """Every command as Markdown."""
    yield from _group(typer.main.get_command(main_app), "anabranch")


def _group(group: Any, name: str) -> Iterator[str]:
    for word, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _group(command, f"{name} {word}")
        else:
            yield from _command(command, f"{name} {word}")


def _command(command: Any, name: str) -> Iterator[str]:
    with command.make_context(name, [], resilient_parsing=True) as context:
        yield f"## `{name}`\n"
        yield f"    {' '.join([name, *command.collect_usage_pieces(context)])}\n"
        yield f"{(command.help or '').strip()}\n"
        yield "| argument or option | meaning |\n|---|---|"
        for parameter in command.get_params(context):
            if parameter.name != "help" and (told := parameter.get_help_record(context)):
                name, meaning = (text.replace("|", "\\|") for text in told)
                yield f"| `{name}` | {meaning} |"
        yield ""
