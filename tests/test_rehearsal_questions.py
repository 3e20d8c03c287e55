"""Which look-ups a question in English asks for."""

import unittest

from support import chance

from codex_oss.rehearsal.questions import lookups_of

# Question: what it asks for, as `intent name`, `@path` where it says one, `#kind`, `?unread`.
ASKED = {
    "Where is `fetch` defined?": ["define fetch"],
    "where's fetch_all defined": ["define fetch_all"],
    "Where is main defined?": ["define main"],
    "Which file defines class Router?": ["define Router #class"],
    "Which module does `fetch` come from?": ["define fetch"],
    "Find the definition of `net.http.Client.send`.": ["define net.http.Client.send"],
    "Where is `Queue::push` implemented?": ["define Queue.push"],
    "Where is the method called `close` of class `Pool` defined?": ["define Pool.close #method"],
    "In `src/app.py`, where is `run` defined?": ["define run @src/app.py"],
    "In class `Pool`, where is the method `open` defined?": ["define Pool.open #method"],
    "Where are `A` and `B` defined?": ["define A", "define B"],
    "Find `foo`, `bar` and `baz`.": ["define foo", "define bar", "define baz"],
    'Where is the "version" key set in `package.json`?': ["value version @package.json #key"],
    "What is `HTTPServer`?": ["define HTTPServer"],
    "In which file is `Deadline` declared? Cite the line.": ["define Deadline"],
    "Tell me where in this repository `foo` is defined, with evidence.": ["define foo"],
    "Who calls `loads`?": ["call loads"],
    "Who calls main?": ["call main"],
    "Where is `loads` called from?": ["call loads"],
    "Which functions call `os.path.join`?": ["call os.path.join"],
    "List all callers of parse_args() in this repository.": ["call parse_args"],
    "Where is `foo` used?": ["use foo"],
    "What does `LIMIT` default to?": ["value LIMIT"],
    "What is the value of MAX_SIZE in config.py?": ["value MAX_SIZE @config.py"],
    "What does `timeout` default to in `net.run`?": ["value net.run.timeout"],
    "What is the default of the parameter `wait` of `Pool.open`?": [
        "value Pool.open.wait #parameter"
    ],
    "What does the `mode` parameter of `open` default to?": ["value open.mode #parameter"],
    "What is `run`'s `timeout` default?": ["value run.timeout"],
    "what does run's `timeout` default to": ["value run.timeout"],
    "Where is `A` defined and who calls `B`?": ["define A", "call B"],
    "Where is `A` defined and used?": ["use A", "define A"],
    "Where is the constant `LIMIT` defined, and what is its value?": [
        "define LIMIT #constant",
        "value LIMIT #constant",
    ],
    "What's the default for the LIMIT config key?": ["value LIMIT #key"],
    "What mode does open() use by default?": ["value open.mode"],
    "What limit does Pool.open have?": ["value Pool.open.limit"],
    "What is the default mode of Pool.open?": ["value Pool.open.mode"],
    "What is the default of mode in Pool.open?": ["value Pool.open.mode"],
    "What is the limit of ThreadPool?": ["value ThreadPool.limit"],
    "What max_size does ThreadPool have?": ["value ThreadPool.max_size"],
    "What does 404 map to in codes.py?": ["value 404 @codes.py"],
    "What is bright_red mapped to?": ["value bright_red"],
    "Who raises PoolClosed?": ["raise PoolClosed"],
    "Where do we throw `Late`?": ["raise Late"],
    "Is `json5` imported anywhere?": ["import json5"],
    "Does anything in the package still import urllib2?": ["import urllib2"],
    "Where is 'out of order' mentioned?": ["mention out of order"],
    "Is there any code left that reads OLD_HOME?": ["use OLD_HOME"],
    "Show me where the Colour enum is defined.": ["define Colour #enum"],
    "Is there a Pool class?": ["define Pool #class"],
    "How wide is a meter, i.e. what does its parameter width default to?": [
        "value meter.width #parameter"
    ],
    "How many are tried? I mean the value of TRIES_MAX.": ["value TRIES_MAX"],
}
MORE_THAN_A_LOOK_UP = {
    "What does `foo` call?": [" foo"],
    "Which functions are called by `foo`?": [" foo"],
    "How does `retry` handle errors?": [" retry"],
    "Where is `foo` defined on Windows?": ["define foo ?on windows"],
    "Who calls `foo` only in tests?": ["call foo ?only"],
    "Who calls `foo` in `bar`?": ["call foo ?in bar"],
    "What errors does `foo` raise?": [" foo"],
    "Does Pool have a method called push_all?": [" push_all"],
    "Where is the app context pushed?": ["define app ?context pushed"],
    "Which class does `Foo` inherit from?": ["define Foo ?inherit"],
    "Where does `Foo` get its colour from?": ["define Foo ?get"],
    "Where is `Foo` raised, and who catches it?": ["raise Foo ?catches"],
    "Which methods of Pool call `close`?": ["call close ?pool"],
    "Where is 'out of order' raised?": [" out of order"],
    "What is the purpose of the `Foo` class?": [" Foo"],
    "Explain the architecture": [],
    "": [],
}


def asked(question: str) -> list[str]:
    rows = []
    for lookup in lookups_of([("q1", question)]):
        marks = (("@", lookup.path), ("#", lookup.kind), ("?", lookup.unread))
        shown = " ".join(mark + text for mark, text in marks if text)
        rows.append(f"{lookup.intent} {lookup.symbol} {shown}".rstrip())
    return rows


class RehearsalQuestionsTest(unittest.TestCase):
    maxDiff = None

    def test_many_phrasings_ask_for_the_same_few_look_ups(self) -> None:
        self.assertEqual(ASKED, {question: asked(question) for question in ASKED})

    def test_what_no_look_up_can_mind_is_named_or_leaves_no_intent(self) -> None:
        table = MORE_THAN_A_LOOK_UP
        self.assertEqual(table, {question: asked(question) for question in table})

    def test_a_name_is_found_whatever_it_is_called(self) -> None:
        dice = chance()
        words = "called default where value of in method used calls defined class which is".split()
        for _ in range(200):
            name = "_".join(dice.sample(words, dice.randint(1, 2)))
            phrase, intent = dice.choice(
                (
                    ("Where is `{}` defined?", "define"),
                    ("Who calls `{}`?", "call"),
                    ("What does `{}` default to?", "value"),
                    ("Where is `{}` used?", "use"),
                )
            )
            self.assertEqual([f"{intent} {name}"], asked(phrase.format(name)))

    def test_each_obligation_keeps_its_own_look_ups(self) -> None:
        found = lookups_of([("a", "Where is `x` defined?"), ("b", "Where is `x` defined?")])
        self.assertEqual([("a", "x"), ("b", "x")], [(f.obligation_id, f.name) for f in found])


if __name__ == "__main__":
    unittest.main()
