"""Checks answers against Hetzner's own description of them (tests/data)."""

import json
import re
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4

DATA = Path(__file__).parent.parent / "data"
SUBSET = DATA / "hetzner-openapi-subset.json"
MEMBERS = DATA / "hetzner-openapi-members.json"
_ROOT = "urn:hetzner"


class AnswerChecker:
    """Knows every operation of the subset, and the list of a network's members."""

    def __init__(self) -> None:
        self._document: dict[str, Any] = json.loads(SUBSET.read_text("utf-8"))
        self._add(json.loads(MEMBERS.read_text("utf-8")))
        resource = DRAFT4.create_resource(self._document)
        self._registry = Registry().with_resource(_ROOT, resource)
        # Longer templates with fewer parameters first: /floating_ips/actions is not an id.
        templates = sorted(self._document["paths"], key=lambda path: path.count("{"))
        self._paths = [
            (re.compile(re.sub(r"\{[a-z_]+\}", r"\\d+", template)), template)
            for template in templates
        ]

    def _add(self, other: dict[str, Any]) -> None:
        """Add paths whose answers are described in place, not by name."""
        schemas = self._document["components"]["schemas"]
        schemas |= other["components"]["schemas"]
        for operations in other["paths"].values():
            for operation in operations.values():
                content = operation["responses"]["200"]["content"]["application/json"]
                name = operation["operationId"] + "_response"
                schemas[name] = content["schema"]
                content["schema"] = {"$ref": f"#/components/schemas/{name}"}
        self._document["paths"] |= other["paths"]

    def template(self, path: str) -> str | None:
        """Return the path template that a request path (with /v1) belongs to."""
        bare = path.removeprefix("/v1")
        return next((name for pattern, name in self._paths if pattern.fullmatch(bare)), None)

    def problems(self, method: str, path: str, status: int, body: object) -> list[str]:
        """Return what is wrong with an answer; an error on an unknown path only needs its form."""
        name = self._schema_name(method, self.template(path), status)
        if name is None:
            return [f"{method} {path} {status}: no such answer is described"]
        reference = f"{_ROOT}#/components/schemas/{name}"
        validator = OAS30Validator(
            {"$ref": reference}, registry=self._registry, format_checker=oas30_format_checker
        )
        return [
            f"{method} {path} {status}: {error.json_path}: {error.message}"
            for error in validator.iter_errors(body)
        ]

    def _schema_name(self, method: str, template: str | None, status: int) -> str | None:
        operation = self._document["paths"].get(template, {}).get(method.lower(), {})
        responses = operation.get("responses", {})
        response = responses.get(str(status)) or responses.get(f"{status // 100}XX")
        if response is None:
            return "error_response" if status >= 400 else None
        reference: str = response["content"]["application/json"]["schema"]["$ref"]
        return reference.rpartition("/")[2]
