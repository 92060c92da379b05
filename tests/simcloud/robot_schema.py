"""Checks answers of the simulated Robot against two descriptions of its webservice.

One is ours (tests/data), with each error code; the other one came with the client `hrobot-py`, and
was derived from the documentation by other people.
"""

import copy
import importlib.resources
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

OURS = Path(__file__).parent.parent / "data" / "robot-openapi-failover.json"
THEIRS = importlib.resources.files("hrobot_py") / "openapi-hetzner-robot-unofficial.json"
ONE = "/failover/{failover_ip}"
_ONE = re.compile(r"/failover/[^/]+")

Reached = tuple[str, str, int, str]
"""Method, path template, status and error code of an answer; "" if it has no code."""


def template(path: str) -> str | None:
    """Return the path template that a request path belongs to."""
    if path == "/failover":
        return path
    return ONE if _ONE.fullmatch(path) else None


class RobotChecker:
    """Knows every operation of both documents."""

    def __init__(self) -> None:
        self._ours: dict[str, Any] = json.loads(OURS.read_text("utf-8"))
        self._theirs: dict[str, Any] = json.loads(THEIRS.read_text("utf-8"))
        strict = copy.deepcopy(self._ours)
        for schema in _objects(strict):
            schema["additionalProperties"] = False  # we make up no field
        self._registry = Registry().with_resources(
            (
                ("urn:ours", DRAFT4.create_resource(strict)),
                ("urn:theirs", DRAFT4.create_resource(self._theirs)),
            )
        )

    def described(self) -> set[Reached]:
        """Return every answer that our document describes, with each known code."""
        return {
            (method.upper(), path, int(status), code)
            for path, operations in self._ours["paths"].items()
            for method, operation in operations.items()
            if method != "parameters"
            for status, response in operation["responses"].items()
            for code in _codes(response) or [""]
        }

    def reached(self, method: str, path: str, status: int, body: Any) -> Reached:  # noqa: ANN401
        """Return which of them an answer is; one without a described body has no code."""
        response = self._response(method, path, status)
        code = body["error"]["code"] if _codes(response or {}) else ""
        return method, template(path) or path, status, code

    def problems(self, method: str, path: str, status: int, body: Any) -> list[str]:  # noqa: ANN401
        """Return what is wrong with an answer."""
        said = f"{method} {path} {status}"
        response = self._response(method, path, status)
        # What is asked in a way that is not described gets an error of the usual form.
        if response is None and (self._operation(method, path) or status != 404):
            return [f"{said}: no such answer is described"]
        found = self._their_problems(method, path, status, body)
        if response is not None and "content" in response:
            where = f"paths/{_pointer(template(path))}/{method.lower()}/responses/{status}"
            found += self._errors(f"urn:ours#/{where}/content/application~1json/schema", body)
        if status >= 400 and not found:
            codes = _codes(response or {})
            if codes and body["error"]["code"] not in codes:
                found.append(f"its code is none of {codes}")
            if body["error"]["status"] != status:
                found.append("its status is another one than HTTP's")
        return [f"{said}: {each}" for each in found]

    def _their_problems(self, method: str, path: str, status: int, body: object) -> list[str]:
        name = (template(path) or "").replace("failover_ip", "failover-ip")
        responses = self._theirs["paths"].get(name, {}).get(method.lower(), {}).get("responses", {})
        reference = "urn:theirs#/components/schemas/RobotErrorEnvelope"
        if str(status) in responses and "content" in responses[str(status)]:
            where = f"paths/{_pointer(name)}/{method.lower()}/responses/{status}"
            reference = f"urn:theirs#/{where}/content/application~1json/schema"
        return self._errors(reference, body)

    def _errors(self, reference: str, body: object) -> list[str]:
        validator = OAS30Validator({"$ref": reference}, registry=self._registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]

    def _response(self, method: str, path: str, status: int) -> dict[str, Any] | None:
        responses = self._operation(method, path).get("responses", {})
        response: dict[str, Any] | None = responses.get(str(status))
        return response

    def _operation(self, method: str, path: str) -> dict[str, Any]:
        operations = self._ours["paths"].get(template(path), {})
        operation: dict[str, Any] = operations.get(method.lower(), {})
        return operation


def _pointer(path: str | None) -> str:
    """Escape a path for a JSON pointer in a URI."""
    escaped = (path or "").replace("~", "~0").replace("/", "~1")
    return escaped.replace("{", "%7B").replace("}", "%7D")


def _codes(response: dict[str, Any]) -> list[str]:
    """Return the error codes that a response may have."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    error = schema.get("properties", {}).get("error", {})
    codes: list[str] = error.get("properties", {}).get("code", {}).get("x-known", [])
    return codes


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """Walk through the schemas of objects, other than forms."""
    if isinstance(value, dict):
        if value.get("type") == "object" and "properties" in value:
            yield value
        for each in list(value.values()):
            yield from _objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)
