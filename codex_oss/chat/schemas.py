"""The JSON Schema of a tool's parameters, as one model takes it.

A schema enters; an object's schema leaves, for every model, and for those that take a subset one
without references, tuples, boolean schemas and rare keywords. What it allows grows, if anything:
the tool checks the arguments that it gets.
"""

from collections.abc import Mapping
from dataclasses import replace

from codex_oss.chat.changes import Changes
from codex_oss.chat.dialect import Dialect
from codex_oss.chat.messages import FunctionTool

REFERENCES_MAX = 8  # One inside the other: a schema that refers to itself ends in `{}` (bridge 8).
LEVELS_MAX = 64  # Deeper ones would come near Python's own limit.
NODES_MAX = 1_000  # Behind references: ten to itself, eight deep, would be 10^8 in the prompt.

Schema = Mapping[str, object]

_KEYWORDS = frozenset(
    "type title description default enum properties required additionalProperties items anyOf"
    " minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern"
    " format minItems maxItems uniqueItems minProperties maxProperties".split()
)


def fit_tool(tool: FunctionTool, dialect: Dialect, changes: Changes) -> FunctionTool:
    """Return the tool with parameters that the model takes."""
    fitted = fit_schema(tool.parameters, dialect)
    if fitted == tool.parameters:
        return tool
    changes.downgrade("schema")
    return replace(tool, parameters=fitted)


def fit_schema(schema: Schema, dialect: Dialect) -> Schema:
    """Return the schema of an object, in what the model takes of JSON Schema."""
    if dialect.schemas == "subset":
        schema = _of_object(_Subset(schema).of(schema, 0))
    if schema.get("type") == "object":
        return schema
    others = {key: value for key, value in schema.items() if key != "type"}
    return {"type": "object", "properties": {}, **others}


class _Subset:
    """The way through one schema. References lead from its root."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._nodes_left = NODES_MAX
        self._level = 0

    def of(self, schema: object, references: int) -> dict[str, object]:
        """Return a schema, `references` deep, in the subset. A boolean one says that anything will
        do, or what no caller can give."""
        self._nodes_left -= references > 0
        if not isinstance(schema, dict) or self._nodes_left < 0 or self._level == LEVELS_MAX:
            return {}
        self._level += 1
        fitted = self._resolved(schema, references) if "$ref" in schema else None
        if fitted is None:
            fitted = self._plain(_common(schema), references)
            for part in _list(schema.get("allOf")):
                fitted = _both(fitted, self.of(part, references))
            fitted = _typed_inside(fitted)
        self._level -= 1
        return fitted

    def _resolved(self, schema: Schema, references: int) -> dict[str, object]:
        target = _at(self._root, schema["$ref"]) if references < REFERENCES_MAX else None
        if not isinstance(target, dict):
            return {}
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return self.of({**target, **beside}, references + 1)

    def _plain(self, schema: Schema, references: int) -> dict[str, object]:
        fitted: dict[str, object] = {}
        for key in _KEYWORDS & schema.keys():
            value = schema[key]
            if key == "properties" and isinstance(value, dict):
                value = {name: self.of(each, references) for name, each in value.items()}
            elif key == "anyOf":
                value = [self.of(each, references) for each in _list(value)]
            elif key == "items":
                value = self._items(value, references)
            elif key == "additionalProperties" and not isinstance(value, bool):
                value = self.of(value, references)
            fitted[key] = value
        return fitted

    def _items(self, items: object, references: int) -> dict[str, object]:
        """Return one schema for all items, also for those of a tuple."""
        if not isinstance(items, list):
            return self.of(items, references)
        kinds = [self.of(each, references) for each in items]
        return {"anyOf": kinds} if len(kinds) > 1 else (kinds or [{}])[0]


def _common(schema: Schema) -> Schema:
    """Say in common keywords what rarer ones say."""
    said = dict(schema)
    if "oneOf" in said:
        said.setdefault("anyOf", said["oneOf"])
    if "const" in said:
        said["enum"] = [said["const"]]
    if "prefixItems" in said:
        said["items"] = said["prefixItems"]
    return said


def _typed_inside(schema: dict[str, object]) -> dict[str, object]:
    """Say a type in each alternative, not beside them: Moonshot refuses it there."""
    kinds = schema.get("anyOf")
    if not isinstance(kinds, list) or "type" not in schema:
        return schema
    typed = [_typed_inside({"type": schema["type"], **kind}) for kind in kinds]
    return {key: value for key, value in schema.items() if key != "type"} | {"anyOf": typed}


def _both(schema: dict[str, object], part: dict[str, object]) -> dict[str, object]:
    """Return what allows at least all that both allow."""
    joined = {**part, **schema}
    properties, others = schema.get("properties"), part.get("properties")
    if isinstance(properties, dict) and isinstance(others, dict):
        joined["properties"] = {**others, **properties}
    if "required" in joined:
        required = (*_list(schema.get("required")), *_list(part.get("required")))
        joined["required"] = list(dict.fromkeys(map(str, required)))
    return joined


def _of_object(schema: dict[str, object]) -> dict[str, object]:
    """Return one object for alternatives at the root, where none may stand."""
    for kind in _list(schema.pop("anyOf", None)):
        if isinstance(kind, dict):
            kind.pop("required", None)
            schema = _both(schema, _of_object(kind))
    return schema


def _at(root: Schema, reference: object) -> object:
    """Return what a reference inside the document leads to, or `None`."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    place: object = root
    for name in reference[1:].split("/")[1:]:
        key = name.replace("~1", "/").replace("~0", "~")
        place = place.get(key) if isinstance(place, dict) else None
    return place


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
