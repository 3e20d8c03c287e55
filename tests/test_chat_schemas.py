"""Schemas of tools: what models of a subset are sent, and that every model is sent an object's."""

import json
import unittest
from random import Random
from typing import Any

from support import LONG, chance

from codex_oss.chat import ChatMessage, ChatRequest, Dialect, FunctionTool, fit

SUBSET = Dialect(schemas="subset")
TEXT = {"type": "string"}


def sent(schema: Any, dialect: Dialect = SUBSET) -> Any:
    request = ChatRequest((ChatMessage("user", ""),), (FunctionTool("f", "", schema),))
    fitted = fit(request, dialect)
    parameters = fitted.request.tools[0].parameters
    assert (parameters != schema) == ("schema" in fitted.downgraded), fitted
    return parameters


def a(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}, **more}


INNER = (  # What stands in a property, and what becomes of it.
    (TEXT, TEXT),
    (True, {}),
    (False, {}),
    ({}, {}),
    ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
    ({"type": "array", "items": TEXT}, {"type": "array", "items": TEXT}),
    ({"type": "array", "items": [TEXT]}, {"type": "array", "items": TEXT}),
    ({"type": "array", "items": []}, {"type": "array", "items": {}}),
    ({"type": "array", "items": [TEXT, True]}, {"type": "array", "items": {"anyOf": [TEXT, {}]}}),
    ({"type": "array", "prefixItems": [TEXT]}, {"type": "array", "items": TEXT}),
    ({"type": "array", "items": True}, {"type": "array", "items": {}}),
    ({"anyOf": [TEXT, True]}, {"anyOf": [TEXT, {}]}),
    ({"oneOf": [TEXT]}, {"anyOf": [TEXT]}),
    (
        {"type": "string", "anyOf": [{"minLength": 1}, {"type": "null"}]},
        {"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]},
    ),
    ({"const": 3}, {"enum": [3]}),
    ({"enum": ["x"], "examples": ["x"], "$comment": "?", "x-ours": 1}, {"enum": ["x"]}),
    (a(TEXT, additionalProperties=False), a(TEXT, additionalProperties=False)),
    (a(TEXT, additionalProperties={"const": 1}), a(TEXT, additionalProperties={"enum": [1]})),
    (a(TEXT, patternProperties={"^x": TEXT}), a(TEXT)),
    (
        {"allOf": [a(TEXT, required=["a"]), {"properties": {"b": TEXT}, "required": ["b"]}]},
        {"type": "object", "properties": {"b": TEXT, "a": TEXT}, "required": ["a", "b"]},
    ),
    ({"title": "T", "default": 1}, {"title": "T", "default": 1}),
    ({"$ref": "https://example.com/schema"}, {}),
    ({"$ref": "#/$defs/gone"}, {}),
    ({"$ref": 3}, {}),
)  # fmt: skip


class Subset(unittest.TestCase):
    def test_every_keyword(self) -> None:
        for given, expected in INNER:
            with self.subTest(given):
                self.assertEqual(sent(a(given)), a(expected))

    def test_references_are_written_out_with_what_stands_beside_them(self) -> None:
        for place in ("$defs", "definitions"):
            schema = a({"$ref": f"#/{place}/x~1y", "description": "d"}) | {place: {"x/y": TEXT}}
            self.assertEqual(sent(schema), a(TEXT | {"description": "d"}))

    def test_one_that_refers_to_itself_ends_eight_deep(self) -> None:
        schema = a({"$ref": "#"})
        depth, inner = 0, sent(schema)
        while inner:
            depth, inner = depth + 1, inner["properties"]["a"]
        self.assertEqual(depth, 1 + 8)

    def test_one_that_would_become_endless_stays_small(self) -> None:
        schema = {"type": "object", "properties": {str(n): {"$ref": "#"} for n in range(10)}}
        self.assertLess(len(json.dumps(sent(schema))), 100_000)

    def test_a_large_one_without_references_is_sent_whole(self) -> None:
        schema = {"type": "object", "properties": {str(n): TEXT for n in range(2_000)}}
        self.assertEqual(sent(schema), schema)

    def test_one_that_is_very_deep_is_cut(self) -> None:
        schema: Any = TEXT
        for _ in range(128):
            schema = a(schema)
        self.assertIn('"properties":{"a":{}}', json.dumps(sent(schema), separators=(",", ":")))

    def test_alternatives_at_the_root_become_one_object(self) -> None:
        root = {"anyOf": [a(TEXT, required=["a"]), {"properties": {"b": TEXT}}]}
        expected = {"type": "object", "properties": {"a": TEXT, "b": TEXT}}
        self.assertEqual(sent(root), expected)

    def test_random_schemas_become_the_subset_and_fit_again(self) -> None:
        random = chance("schemas")
        for _ in range(2_000 if LONG else 300):
            schema = random_schema(random, 3)
            fitted = sent(schema if isinstance(schema, dict) else {})
            self.assertEqual(list(faults_in(fitted)), [], schema)
            self.assertEqual(sent(fitted), fitted, schema)


class EveryModel(unittest.TestCase):
    def test_is_sent_an_object(self) -> None:
        for dialect in (Dialect(), SUBSET):
            for given, expected in (
                ({}, {"type": "object", "properties": {}}),
                ({"type": "object"}, {"type": "object"}),
                ({"properties": {"a": TEXT}}, a(TEXT)),
                ({"type": "string"}, {"type": "object", "properties": {}}),
            ):
                self.assertEqual(sent(given, dialect), expected)

    def test_all_else_is_left_alone_for_models_that_take_it(self) -> None:
        schema = a({"$ref": "#/$defs/x"}) | {"$defs": {"x": True}, "oneOf": [True]}
        self.assertEqual(sent(schema, Dialect()), schema)


def faults_in(schema: Any) -> list[str]:
    """Return what Moonshot would complain of."""
    faults = [f"{key} in {schema}" for key in ("$ref", "oneOf", "allOf", "const") if key in schema]
    if "anyOf" in schema and "type" in schema:
        faults.append(f"a type beside anyOf in {schema}")
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema[key] for key in ("items", "additionalProperties") if key in schema]
    for each in inner:
        if isinstance(each, dict):
            faults += faults_in(each)
        elif not (each is schema.get("additionalProperties") and isinstance(each, bool)):
            faults.append(f"{each} as schema")
    return faults


def random_schema(random: Random, depth: int) -> Any:
    if depth == 0 or random.random() < 0.1:
        return random.choice((True, False, {}, TEXT, {"$ref": "#"}, {"$ref": "#/$defs/d"}, 3, None))
    kinds: dict[str, Any] = {
        "type": random.choice(("object", "array", ["string", "null"])),
        "properties": {name: random_schema(random, depth - 1) for name in "ab"},
        "items": random.choice(
            (random_schema(random, depth - 1), [random_schema(random, depth - 1)])
        ),
        "anyOf": [random_schema(random, depth - 1) for _ in range(2)],
        "oneOf": [random_schema(random, depth - 1)],
        "allOf": [random_schema(random, depth - 1) for _ in range(2)],
        "additionalProperties": random_schema(random, depth - 1),
        "required": ["a"],
        "const": 1,
        "$defs": {"d": random_schema(random, depth - 1)},
    }
    return {key: kinds[key] for key in random.sample(sorted(kinds), k=random.randrange(4))}


if __name__ == "__main__":
    unittest.main()
