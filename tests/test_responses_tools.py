"""Tools: which are kept, what a model is told of them, their names there and back, the choice."""

import json
import re
import unittest
from typing import Any

from support import LONG, chance

from codex_oss.chat import FunctionTool
from codex_oss.errors import BadRequest
from codex_oss.responses import ResponsesRequest, parse_request
from codex_oss.responses.names import marked_name, upstream_name

LEGAL = re.compile(r"\A[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
ANY = {"type": "object", "properties": {}}
RAW = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
HOSTED = (
    "web_search",
    "web_search_preview",
    "file_search",
    "code_interpreter",
    "computer_use_preview",
    "image_generation",
    "mcp",
    "never_heard_of",
)


def read(**fields: Any) -> ResponsesRequest:
    return parse_request(json.dumps({"model": "m", "input": "hi"} | fields).encode())


def faults(**fields: Any) -> list[tuple[str, str]]:
    try:
        read(**fields)
    except BadRequest as error:
        return [(fault.path, fault.code) for fault in error.faults]
    return []


def function(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "name": name} | fields


def namespace(name: str, *tools: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "namespace", "name": name, "tools": list(tools)} | fields


def declared(request: ResponsesRequest) -> list[tuple[str, str, str, str]]:
    """Return upstream name, kind, namespace and name of every tool."""
    return [(n, t.kind, t.namespace, t.name) for n, t in request.table.tools.items()]


class Kinds(unittest.TestCase):
    def test_functions_flat_or_nested_are_kept_as_they_are(self) -> None:
        schema = {"type": "object", "properties": {"a": {"type": "string"}}}
        flat = function("f", description="d", parameters=schema)
        nested = {"type": "function", "function": {"name": "g", "strict": True}}
        request = read(tools=[flat, nested, function("h", parameters=True)])
        functions = (
            FunctionTool("f", "d", schema),
            FunctionTool("g", "", ANY, True),
            FunctionTool("h", "", ANY),
        )
        self.assertEqual((request.tools, request.dropped), (functions, ()))
        empty = {"description": None, "parameters": None, "strict": None}
        shown = [
            flat | {"strict": None},
            {"type": "function", "name": "g"} | empty | {"strict": True},
            {"type": "function", "name": "h"} | empty | {"parameters": True},
        ]
        self.assertEqual(request.echo["tools"], shown)

    def test_a_custom_tool_is_a_function_of_one_text_that_is_told_its_grammar(self) -> None:
        form = {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
        asks = "Put the raw text in `input`, as it is."
        for tool, told in (
            ({"description": "Edit files.", "format": {"type": "text"}}, f"Edit files.\n\n{asks}"),
            ({}, asks),
            (
                {"description": "Edit files.", "format": form},
                f"Edit files.\n\nThe text must match this lark grammar:\nstart: WORD\n\n{asks}",
            ),
            (
                {"format": form | {"definition": "x" * 9_000}},
                f"The text must match this lark grammar:\n{'x' * 8_192}\n\n{asks}",
            ),
        ):
            given = {"type": "custom", "name": "apply_patch"} | tool
            request = read(tools=[given])
            self.assertEqual(request.tools, (FunctionTool("apply_patch", told, RAW),))
            self.assertEqual(request.echo["tools"], [given])

    def test_a_namespace_becomes_its_tools_and_is_told_of_before_the_first(self) -> None:
        spawn, patch = function("spawn", description="Spawn."), {"type": "custom", "name": "patch"}
        tools = [namespace("agents", spawn, patch, description="Agents.")]
        request = read(tools=tools)
        self.assertEqual(
            declared(request),
            [
                ("agents__spawn", "function", "agents", "spawn"),
                ("agents__patch", "custom", "agents", "patch"),
            ],
        )
        told = [tool.description for tool in request.tools]
        self.assertEqual(told, ["Agents.\n\nSpawn.", "Put the raw text in `input`, as it is."])
        self.assertEqual(request.echo["tools"], tools)

    def test_tool_search_and_the_local_shell_are_functions(self) -> None:
        search = {"type": "tool_search", "execution": "client", "description": "Find tools."}
        own = {"type": "object", "properties": {"query": {"type": "string"}}}
        request = read(tools=[search | {"parameters": own}, {"type": "local_shell"}])
        names = [(name, kind) for name, kind, _, _ in declared(request)]
        self.assertEqual(names, [("tool_search", "tool_search"), ("local_shell", "local_shell")])
        self.assertEqual(request.tools[0], FunctionTool("tool_search", "Find tools.", own))
        self.assertEqual(request.tools[1].parameters["required"], ["command"])
        self.assertEqual(read(tools=[search]).tools[0].parameters["required"], ["query"])

    def test_what_only_openai_can_run_is_left_out_and_named(self) -> None:
        tools: list[dict[str, Any]] = [{"type": kind} for kind in HOSTED]
        tools += [{"type": "tool_search"}, {"type": "tool_search", "execution": "server"}]
        tools.append(namespace("ns", {"type": "web_search"}))
        tools.append({"type": "mcp", "name": "tracker"})
        request = read(tools=tools)
        self.assertEqual((request.tools, request.echo["tools"]), ((), tools))
        names = (*HOSTED, "tool_search", "ns.web_search", "tracker")
        self.assertEqual(request.dropped, tuple(f"tool:{name}" for name in names))

    def test_tools_that_items_declare_join_those_of_the_request(self) -> None:
        found = {
            "type": "tool_search_output",
            "call_id": "c",
            "execution": "client",
            "tools": [namespace("mcp__fs", function("read")), function("late")],
        }
        search = {"type": "tool_search_call", "call_id": "c", "arguments": {"query": "read"}}
        code_mode = {
            "type": "additional_tools",
            "role": "developer",
            "tools": [namespace("functions", {"type": "custom", "name": "exec"})],
        }
        items = [
            code_mode,
            {"role": "user", "content": "u"},
            search,
            found,
            {"role": "user", "content": "v"},
        ]
        request = read(input=items, tools=[function("f"), function("late")])
        self.assertEqual(
            [name for name, *_ in declared(request)],
            ["f", "late", "functions__exec", "mcp__fs__read"],
        )
        self.assertEqual((len(request.tools), len(request.echo["tools"])), (4, 2))
        self.assertEqual(request.dropped, ())

    def test_at_most_512_tools_after_flattening(self) -> None:
        most = [function(f"f{n}") for n in range(511)]
        self.assertEqual(faults(tools=[*most, namespace("n", function("a"))]), [])
        over = [*most, namespace("n", function("a"), function("b"))]
        self.assertEqual(faults(tools=over), [("tools", "invalid_value")])

    def test_a_tool_without_a_name_or_a_kind_is_a_fault(self) -> None:
        for tool, path, code in (
            (function(""), "tools[0].name", "invalid_value"),
            ({"type": "function"}, "tools[0].name", "missing_required_parameter"),
            ({"type": "custom", "name": 5}, "tools[0].name", "invalid_type"),
            ({"name": "f"}, "tools[0].type", "missing_required_parameter"),
            (
                namespace("n", {"type": "function"}),
                "tools[0].tools[0].name",
                "missing_required_parameter",
            ),
            ({"type": "namespace", "tools": []}, "tools[0].name", "missing_required_parameter"),
            (function("f", parameters=[]), "tools[0].parameters", "invalid_type"),
        ):
            self.assertEqual(faults(tools=[tool]), [(path, code)], tool)


class Names(unittest.TestCase):
    def test_a_name_is_kept_where_every_provider_takes_it(self) -> None:
        for own, name in (
            (("", "exec_command"), "exec_command"),
            (("multi_agent_v1", "spawn_agent"), "multi_agent_v1__spawn_agent"),
            (("mcp__fs__", "read"), "mcp__fs__read"),
            (("mcp__fs", "read"), "mcp__fs__read"),
            (("n", "t" * 61), "n__" + "t" * 61),
            (("", "a" * 64), "a" * 64),
        ):
            self.assertEqual(upstream_name(*own), name)

    def test_any_other_is_cut_and_marked(self) -> None:
        for own, start in (
            (("", "mcp.fs/read"), "mcp_fs_read_"),
            (("", "a" * 65), "a" * 55 + "_"),
            (("n" * 40, "t" * 40), "n" * 40 + "__" + "t" * 13 + "_"),
            (("", "_private"), "t_private_"),
            (("", "7zip"), "t7zip_"),
            (("___", "x"), "t__x_"),
            (("", "lesen_für_später"), "lesen_f_r_sp_ter_"),
            (("", "auto"), "auto_"),
            (("", "none"), "none_"),
            (("", "required"), "required_"),
        ):
            name = upstream_name(*own)
            self.assertEqual((name[:-8], name), (start, marked_name(*own)), own)
            self.assertRegex(name, LEGAL)

    def test_marks_never_change_since_histories_hold_them(self) -> None:
        self.assertEqual(upstream_name("", "a.b"), "a_b_fc7d33be")
        self.assertEqual(upstream_name("n", "a.b"), "n__a_b_2f750d18")

    def test_of_two_tools_of_one_name_the_later_is_marked(self) -> None:
        flat, spaced = function("a__b"), namespace("a", function("b"))
        marked = marked_name("a", "b")
        first, second = read(tools=[flat, spaced]), read(tools=[spaced, flat])
        self.assertEqual([name for name, *_ in declared(first)], ["a__b", marked])
        self.assertEqual([name for name, *_ in declared(second)], ["a__b", marked_name("", "a__b")])
        self.assertEqual(first.table.name_of("a", "b"), marked)
        self.assertEqual(second.table.name_of("a", "b"), "a__b")

    def test_a_tool_declared_twice_is_told_once_and_another_of_its_name_left_out(self) -> None:
        request = read(tools=[function("f"), function("f")])
        self.assertEqual((len(request.tools), request.dropped), (1, ()))
        about = {"description": "Said before the first."}
        spaces = [namespace("n", *map(function, names), **about) for names in ("ab", "b", "ba")]
        request = read(tools=spaces)
        self.assertEqual((len(request.tools), request.dropped), (2, ()))
        request = read(tools=[function("f"), function("f", description="other")])
        self.assertEqual((len(request.tools), request.dropped), (1, ("tool:f",)))

    def test_names_are_reversible_legal_and_of_nothing_but_namespace_and_name(self) -> None:
        random = chance("names")
        alphabet = "ab_-.:/ é_A0"
        pairs = {
            (
                "".join(random.choices(alphabet, k=random.choice((0, 0, 1, 2, 5, 40)))),
                "".join(random.choices(alphabet, k=random.choice((1, 1, 2, 3, 30, 70)))),
            )
            for _ in range(10_000 if LONG else 1_500)
        }
        spaces = [namespace(ns, function(name)) if ns else function(name) for ns, name in pairs]
        for start in range(0, len(spaces), 500):
            request = read(tools=spaces[start : start + 500])
            table = request.table
            self.assertEqual(len(table.tools), len(spaces[start : start + 500]))
            for upstream, tool in table.tools.items():
                own = tool.namespace, tool.name
                self.assertTrue(LEGAL.fullmatch(upstream), upstream)
                self.assertEqual(table.name_of(*own), upstream)
                self.assertIn(upstream, (upstream_name(*own), marked_name(*own)))


class Choices(unittest.TestCase):
    def test_a_choice_is_a_mode_or_the_name_that_the_model_knows(self) -> None:
        tools = [
            function("f"),
            function("g"),
            {"type": "custom", "name": "c"},
            namespace("n", function("f"), {"type": "custom", "name": "c"}),
            {"type": "local_shell"},
            {"type": "tool_search", "execution": "client"},
        ]
        named = {"type": "function", "name": "g"}
        allowed = {"type": "allowed_tools", "mode": "required", "tools": [tools[1], tools[2]]}
        every = "f g c n__f n__c local_shell tool_search"
        for choice, mode, names in (
            (None, "auto", every),
            ("none", "none", every),
            ("required", "required", every),
            (named, "g", every),
            ({"type": "function", "function": {"name": "g"}}, "g", every),
            ({"type": "function", "name": "f", "namespace": "n"}, "n__f", every),
            ({"type": "custom", "name": "c"}, "c", every),
            ({"type": "custom", "name": "c", "namespace": "n"}, "n__c", every),
            ({"type": "local_shell"}, "local_shell", every),
            ({"type": "tool_search"}, "tool_search", every),
            (allowed, "required", "g c"),
            (
                allowed | {"mode": "auto", "tools": [{"type": "namespace", "name": "n"}]},
                "auto",
                "n__f n__c",
            ),
            (allowed | {"mode": "auto", "tools": [{"type": "web_search"}]}, "auto", ""),
        ):
            request = read(tools=tools, tool_choice=choice)
            found = request.asked.tool_choice, " ".join(tool.name for tool in request.tools)
            self.assertEqual(found, (mode, names), choice)
            self.assertEqual(request.echo["tool_choice"], choice or "auto")
            self.assertEqual(len(request.table.tools), 7)

    def test_a_choice_of_what_is_not_there_is_refused(self) -> None:
        tools = [function("f"), {"type": "web_search"}, {"type": "custom", "name": "c"}]
        allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]}
        for choice in (
            {"type": "function", "name": "h"},
            {"type": "function", "name": "c"},
            {"type": "custom", "name": "f"},
            {"type": "function", "name": "f", "namespace": "n"},
            {"type": "web_search"},
            {},
            3,
            "sometimes",
            allowed,
        ):
            found = faults(tools=tools, tool_choice=choice)
            self.assertEqual(found, [("tool_choice", "invalid_value")], choice)
        self.assertEqual(
            faults(tools=tools, tool_choice=allowed | {"mode": "x"}),
            [("tool_choice.mode", "invalid_value")],
        )
        self.assertEqual(faults(tool_choice="required"), [("tool_choice", "invalid_value")])
        self.assertEqual(faults(tool_choice="none"), [])


if __name__ == "__main__":
    unittest.main()
