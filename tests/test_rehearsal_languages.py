"""The rehearsal model in ten languages: what only looks like a definition or a call is none.

Each file below is full of traps: code in strings and comments, names that are only attributes or
arguments, imports under the same name, locals, prototypes. The expected places were found by hand.
"""

import re
import unittest
from pathlib import Path
from typing import Any

from support import scratch
from support.missions import run_mission
from support.trees import plant

from codex_oss.rehearsal import RehearsalModel

FILES = {
    "shop/stock.py": '''\
"""Keeps goods.

def reserve(item):   <- an example in a docstring is no definition
"""
from shop.money import price as cost, round_up
from shop.depot import (
    Depot,
    SHELVES,
)

if cost:
    LIMIT = 40
else:
    LIMIT = 4_000

(WIDTH,
 HEIGHT) = 3, 4


def reserve(item, count=1, *, note: str = "def reserve(item)", depot=None):
    def audit(entry):
        return f"{item}: {release(item, LIMIT=2)} {'release(x)'}"

    limit = LIMIT  # reserve(item)
    return audit(limit)


class Shelf:
    label = "top"; depth: int = 5
    reserve = reserve

    @property
    def audit(self): return self.reserve(HEIGHT)

    @staticmethod
    def release(item, *, force=False): self.label = item


@reserve
def release(item, LIMIT=9): return Shelf.release(item, force=True)
''',
    "shop/money.py": '''\
def price(
    item: str,
    tax: float = 0.19,  # in parts of one
    currency: str = "EUR, not USD",
) -> float: ...


def round_up(value): return -(-value // 1)


TEXT = """
LIMIT = 7
price(1)
"""
''',
    "web/cart.ts": """\
import { total as sum, Basket } from "./basket";
// function checkout() {}
export const RATE = 0.5, PLACES = 2,
  CODES = ["a,b", 'checkout()'];
export interface Line { price: number; total(): number }
export type Lines = Line[];
enum State { Open, Paid = 2 }
export class Cart<T extends Line> extends Basket {
  static readonly LIMIT: number = 10;
  private lines: T[] = [];
  constructor(private owner: string, retries = 3) { super(); }
  async checkout(at: Date, retries = RATE * 4): Promise<void> {
    const total = sum(`${checkout(1)} ${"checkout(2)"}`);
    if (total) { return this.pay(/checkout\\(\\)/.test(at)); }
  }
  pay = (amount: number) => { checkout(amount); };
}
export function checkout(amount: any) { return { checkout, RATE: 1 }; }
Cart.prototype.refund = function (by = "cash") {};
const helper = require("./helper");
""",
    "api/serve.go": """\
package api

// func Serve() {}
const (
\tPort = 8080
\tHost string = "localhost"
)

var Served, Failed = 0, 1

type Server struct {
\tPort int
}

func (s *Server) Serve(port int) error {
\tPort := `func Serve() {}`
\treturn Serve(Port)
}

func Serve(port interface{}) error { return nil }
""",
    "core/queue.rs": """\
pub struct Queue<'a> { pub size: usize, name: &'a str }
/* fn push() {} */
impl<'a> Queue<'a> {
    pub const SIZE: usize = 16;
    pub fn push(&mut self, x: u8) { let text = "fn push()"; push(x); drain!(self); }
}
pub fn push(x: u8) -> char { '"' }
macro_rules! drain { ($q:expr) => {}; }
""",
    "desk/Ledger.java": """\
package desk;
import desk.books.Entry;
public class Ledger {
    private static final int SIZE = 12;
    /** void post() {} */
    public Ledger(int size) { post(new Entry()); }
    public void post(Entry entry) throws BookException { String s = "post(entry)"; }
    interface Book { void post(Entry entry); }
}
""",
    "native/ring.h": """\
#define RING_SIZE 32
struct ring;
int ring_put(struct ring *r, int value);
""",
    "native/ring.c": """\
#include "ring.h"
struct ring { int slots[RING_SIZE]; };
static const char *usage = "int ring_put(";
int
ring_put(struct ring *r, int value)
{
    int RING_COUNT = value; /* ring_put(r, 1) */
    return ring_put(r, RING_COUNT);
}
""",
    "tasks/pack.rb": """\
# def pack; end
class Pack
  DEPTH = 3
  def self.pack(name, level = 9)
    text = <<~EOS
      def pack(x)
      end
    EOS
    wrap(name)
  end
end
""",
    "bin/ship": """\
#!/usr/bin/env bash
TARGET="prod; load() { :; }"
load() {
  echo "load $TARGET"
}
cat <<END
load() { }
END
load && load
""",
    "config/ship.toml": "[ship]\nretries = 5  # retries = 6\n[ship.slow]\nretries = 50\n",
    "config/ship.yaml": "ship:\n  timeout: 30\n  # timeout: 31\n",
    "package.json": '{"name": "shop", "engines": {"node": ">=20"}, "port": 9}\n',
    "README.md": "Call `reserve(item)`; LIMIT = 1.\n\ndef reserve(item): ...\n",
}

DEFINED = {
    "Where is `reserve` defined?": "shop/stock.py:20 shop/stock.py:30",
    "Where is the function `reserve` defined?": "shop/stock.py:20",
    "Where is `audit` defined?": "shop/stock.py:21 shop/stock.py:33",
    "Where is `Shelf.audit` defined?": "shop/stock.py:33",
    "Where is `stock.release` defined?": "shop/stock.py:40",
    "Where does `price` of `shop.money` come from?": "shop/money.py:1",
    "Which file defines HEIGHT?": "shop/stock.py:17",
    "Where is `checkout` declared?": "web/cart.ts:12 web/cart.ts:18",
    "Where is the method `checkout` defined?": "web/cart.ts:12",
    "Where is `Cart` defined?": "web/cart.ts:8",
    "Where is `refund` implemented?": "web/cart.ts:19",
    "Where is `State` defined?": "web/cart.ts:7",
    "Find `Paid`.": "web/cart.ts:7",
    "Where are `CODES` and `Lines` defined?": "web/cart.ts:4 web/cart.ts:6",
    "Where is `Serve` defined?": "api/serve.go:15 api/serve.go:20",
    "Where is `Server.Serve` defined?": "api/serve.go:15",
    "Where is `Failed` defined?": "api/serve.go:9",
    "Where is `push` defined?": "core/queue.rs:5 core/queue.rs:7",
    "Where is `Queue::push` defined?": "core/queue.rs:5",
    "Where is `drain` defined?": "core/queue.rs:8",
    "Where is `post` defined?": "desk/Ledger.java:7 desk/Ledger.java:8",
    "Where is `Ledger` defined?": "desk/Ledger.java:3",
    "Where is `ring_put` defined?": "native/ring.c:5",
    "Where is the struct `ring` defined?": "native/ring.c:2",
    "Where is `pack` defined?": "tasks/pack.rb:4",
    "Where is `load` defined?": "bin/ship:3",
    "Where is `ship.slow.retries` defined?": "config/ship.toml:4",
    "Where is `engines` defined in `package.json`?": "package.json:1",
    "In `web/cart.ts`, where is `RATE` defined?": "web/cart.ts:3",
}
CALLED = {
    "Who calls `reserve`?": "shop/stock.py:33 shop/stock.py:39",
    "Where is `release` called?": "shop/stock.py:22 shop/stock.py:40",
    "Who calls `price`?": "",
    "List all callers of `checkout`.": "web/cart.ts:13 web/cart.ts:16",
    "Who calls `Serve`?": "api/serve.go:17",
    "Who calls `push`?": "core/queue.rs:5",
    "Who calls `drain`?": "core/queue.rs:5",
    "Who calls `post`?": "desk/Ledger.java:6",
    "Who calls `ring_put`?": "native/ring.c:8",
    "Who calls `wrap`?": "tasks/pack.rb:9",
    "Who calls `load`?": "bin/ship:9",
}
VALUES = {
    "What is `LIMIT` in `shop/stock.py` set to?": "shop/stock.py:12=40 shop/stock.py:14=4_000",
    "What is the value of `HEIGHT`?": "shop/stock.py:17=4",
    "What does `depth` of `Shelf` default to?": "shop/stock.py:29=5",
    "What does the `tax` parameter of `price` default to?": "shop/money.py:3=0.19",
    "What does `currency` default to in `price`?": 'shop/money.py:4="EUR, not USD"',
    "What does the `item` parameter of `price` default to?": "shop/money.py:2=-",
    "What does the `force` parameter of `Shelf.release` default to?": "shop/stock.py:36=False",
    "What does `note` default to in `reserve`?": 'shop/stock.py:20="def reserve(item)"',
    "What is the value of `PLACES`?": "web/cart.ts:3=2",
    "What does the `retries` parameter of `Cart.checkout` default to?": "web/cart.ts:12=RATE * 4",
    "What is the default of the parameter `retries` of `Cart`?": "web/cart.ts:11=3",
    "What does the `by` parameter of `refund` default to?": 'web/cart.ts:19="cash"',
    "What is `Host` set to?": 'api/serve.go:6="localhost"',
    "What is the value of `Queue.SIZE`?": "core/queue.rs:4=16",
    "What is the value of `Ledger.SIZE`?": "desk/Ledger.java:4=12",
    "What is the value of `RING_SIZE`?": "native/ring.h:1=32",
    "What does the `level` parameter of `pack` default to?": "tasks/pack.rb:4=9",
    "What is the value of `DEPTH`?": "tasks/pack.rb:3=3",
    "What is `TARGET` set to?": 'bin/ship:2="prod; load() { :; }"',
    "What does `ship.retries` default to?": "config/ship.toml:2=5",
    "What does `timeout` default to in `config/ship.yaml`?": "config/ship.yaml:2=30",
    "What is the value of `port` in `package.json`?": "package.json:1=9",
}

IDS = "abcdef"  # Of the obligations of one mission.
VALUE = re.compile(r"(?:is set to|defaults to) `(?P<value>[^`]*)` in")


def places(claims: list[str]) -> set[str]:
    """Return what claims say, in the form of the tables above."""
    found = set()
    for claim in claims:
        path = re.search(r"(?:^| in )`([^`]+)`(?=,| at| calls)", claim)
        lines = re.search(r" at lines? ([\d, ]+)", claim)
        value = VALUE.search(claim)
        tail = f"={value['value']}" if value else "=-" if "no default" in claim else ""
        for line in lines[1].split(", ") if path and lines else ():
            found.add(f"{path[1]}:{line}{tail}")
    return found


class RehearsalLanguagesTest(unittest.TestCase):
    maxDiff = None

    def check(self, table: dict[str, str], number: int) -> None:
        """Ask all questions of a table, some in each mission, and compare every answer."""
        answers: dict[str, set[str]] = {}
        with scratch() as project:
            plant(project, FILES)
            questions = list(table)
            for at in range(0, len(questions), len(IDS)):
                some = dict(zip(IDS, questions[at:], strict=False))
                report = ask(project, f"table_{number}_{at}", some)
                self.assertEqual([], report["uncertainties"], some)
                self.assertEqual("COMPLETE", report["status"], some)
                for name, question in some.items():
                    claims = [f["claim"] for f in report["findings"] if f["obligation_id"] == name]
                    answers[question] = places(claims)
        expected = {question: set(_split(places)) for question, places in table.items()}
        self.assertEqual(expected, answers)

    def test_definitions_are_told_from_what_looks_like_them(self) -> None:
        self.check(DEFINED, 1)

    def test_calls_are_told_from_mentions_prototypes_and_strings(self) -> None:
        self.check(CALLED, 2)

    def test_values_and_defaults_are_given_as_written(self) -> None:
        self.check(VALUES, 3)

    def test_a_value_given_to_several_names_is_not_handed_out_whole(self) -> None:
        with scratch() as project:
            plant(project, {"a.py": "(ONE,) = load()\nTWO, *REST = load()\n", **FILES})
            for number, name in enumerate(("ONE", "TWO", "REST", "Failed")):
                report = ask(project, f"shared_{number}", {"a": f"What is `{name}` set to?"})
                self.assertEqual("PARTIAL", report["status"], name)
                self.assertIn("several names", report["uncertainties"][0]["text"], name)


def _split(places: str) -> list[str]:
    return re.split(r" (?=[\w/.]+:\d+)", places) if places else []


def ask(project: Path, name: str, questions: dict[str, str]) -> Any:
    result, _ = run_mission(
        project,
        RehearsalModel(),
        mission_id=name,
        objective="Answer each question.",
        answer_obligations=[{"id": k, "question": q} for k, q in questions.items()],
        allowed_roots=["."],
        allow_broad_read_scope=True,
        tool_budget=60,
        max_files_to_inspect=40,
    )
    return result.report


if __name__ == "__main__":
    unittest.main()
