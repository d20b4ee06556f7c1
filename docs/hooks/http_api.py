"""Write the reference of the HTTP API from the OpenAPI document of a service that is started for it.

The service runs the bikes example on an empty home, so that the description is of a real application: its streams,
views and models are the choices that parameters have.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MARKER = "<!-- the operations of the OpenAPI document -->"
TAGS = {
    "streams": "Streams",
    "views": "Views",
    "models": "Models",
    "sql": "SQL",
    "batch": "Batch runs",
    "health": "Health",
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the operations where the marker stands."""
    return markdown.replace(MARKER, operations(openapi())) if MARKER in markdown else markdown


def openapi() -> dict[str, Any]:
    """The OpenAPI document of the bikes example."""
    with tempfile.TemporaryDirectory(prefix="anabranch-") as home:
        command = [sys.executable, "-u", "-m", "infra.cli", "up", "examples/bikes.py", "--home", home, "--port", "0"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as service:
            try:
                with urllib.request.urlopen(f"{_address(service)}/openapi.json", timeout=60) as answer:
                    document: dict[str, Any] = json.load(answer)
            finally:
                service.terminate()
    return document


def _address(service: subprocess.Popen[str]) -> str:
    """Where the service says that it is."""
    assert service.stdout is not None
    for line in service.stdout:
        if found := re.search(r"is served at (http://\S+)", line):
            return found[1]
    raise RuntimeError("the service that was to describe its API ended at once")


def operations(document: Mapping[str, Any]) -> str:
    """Every operation as Markdown, in the order of the subjects above; one of another subject comes last."""
    found = [
        (operation["tags"][0], method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    tags = [*TAGS, *sorted({tag for tag, *_ in found} - set(TAGS))]
    lines: list[str] = []
    for tag in tags:
        lines.append(f"## {TAGS.get(tag, tag)}\n")
        for _, method, path, operation in sorted((o for o in found if o[0] == tag), key=lambda o: (o[2], o[1])):
            lines += _operation(method, path, operation)
    return "\n".join(lines)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {operation['summary']}\n"
    yield f"`{method} {path}`\n"
    yield operation.get("description", "") + "\n"
    if parameters := operation.get("parameters"):
        yield "| parameter | type | meaning |\n|---|---|---|"
        for parameter in parameters:
            needed = ", required" if parameter.get("required") and parameter["in"] != "path" else ""
            yield _row(
                f"`{parameter['name']}`",
                kind(parameter.get("schema", {})) + needed,
                parameter.get("description", ""),
            )
        yield ""
    if body := operation.get("requestBody"):
        yield "| body | is |\n|---|---|"
        for name, content in body["content"].items():
            schema = content.get("schema", {})
            yield _row(f"`{name}`", schema.get("description") or kind(schema))
        yield ""
    yield "| status | answer |\n|---|---|"
    refusals: list[str] = []
    for status, response in sorted(operation["responses"].items()):
        if int(status) >= 400 and response["description"] == HTTPStatus(int(status)).phrase:
            refusals.append(f"{status} {response['description'].lower()}")
        else:
            yield _row(status, _answer(response))
    yield ""
    yield f"[Problems](../reference.md#problems): {', '.join(refusals)}.\n" if refusals else ""


def _answer(response: Mapping[str, Any]) -> str:
    kinds = [kind(content.get("schema", {})) for content in response.get("content", {}).values()]
    described = [text for text in dict.fromkeys(kinds) if text]
    return str(response["description"]) + (f": {described[0]}" if described else "")


def kind(schema: Mapping[str, Any], depth: int = 2) -> str:
    """A JSON schema in a few words."""
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(kind(option, depth) for option in schema[choice]))
    match schema.get("type"):
        case "object" if schema.get("properties") and depth:
            inner = (f"`{name}` {kind(value, depth - 1)}".strip() for name, value in schema["properties"].items())
            return "{" + ", ".join(inner) + "}"
        case "array":
            return f"list of {kind(schema.get('items', {}), depth - 1) or 'values'}" if depth else "list"
        case str(name):
            return name + _bounds(schema)
    return ""


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high, default = schema.get("minimum"), schema.get("maximum"), schema.get("default")
    words = [f"{low:,} to {high:,}"] if low is not None and high is not None else []
    if default is not None:
        words.append(
            f"default {default:,}" if isinstance(default, int) and default is not True else f"default {default}"
        )
    return f" ({', '.join(words)})" if words else ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
