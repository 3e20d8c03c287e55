"""Responses that are asked for again: kept, continued, listed, forgotten, run in the background."""

import sqlite3
import stat
import time
import unittest
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from support import scratch
from support.clocks import HandWoundClock
from support.gateways import gateway
from support.providers import Pause, Reply, ScriptedProvider, text
from support.schema import faults_of_response

from codex_oss.chat import Burst, ChatRequest
from codex_oss.deadline import Deadline
from codex_oss.errors import StorageUnsafe
from codex_oss.gateway import MIGRATIONS, MemoryConversations, SqliteConversations, StoreLimits
from codex_oss.gateway.conversations import StoredResponse
from codex_oss.system import Database, SystemClock

ASK = {"model": "scripted", "input": "What is two and two?"}


@contextmanager
def asked(*words: str):
    with ScriptedProvider() as provider, gateway(provider) as bridge:
        for said in words:
            provider.say(said)
        yield provider, bridge.client


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.02)


class KeptResponses(unittest.TestCase):
    def test_a_response_can_be_asked_for_again_until_it_is_deleted(self) -> None:
        with asked("Four.") as (_, client):
            made = client.turn(ASK).json
            again = client.get(f"/v1/responses/{made['id']}")
            self.assertEqual((again.status, again.json), (200, made))
            self.assertEqual(faults_of_response(again.json), [])
            gone = {"id": made["id"], "object": "response", "deleted": True}
            self.assertEqual(client.ask("DELETE", f"/v1/responses/{made['id']}", None).json, gone)
            for method in ("GET", "DELETE"):
                answer = client.ask(method, f"/v1/responses/{made['id']}", None)
                self.assertEqual((answer.status, answer.error["code"]), (404, "not_found"))

    def test_a_streamed_response_is_kept_before_its_end_is_seen(self) -> None:
        with asked("Four.") as (_, client), client.stream({**ASK, "stream": True}) as events:
            for event in events:
                if event.type == "response.completed":
                    made = event.data["response"]  # type: ignore[index]
                    self.assertEqual(client.get(f"/v1/responses/{made['id']}").json, made)

    def test_what_must_not_be_stored_is_not(self) -> None:
        with asked("Four.") as (_, client):
            made = client.turn({**ASK, "store": False}).json
            self.assertEqual(client.get(f"/v1/responses/{made['id']}").status, 404)

    def test_input_items_are_listed_in_pages(self) -> None:
        items = [{"role": "user", "content": f"word {n}"} for n in range(5)]
        with asked("Fine.") as (_, client):
            made = client.turn({**ASK, "input": items}).json
            path = f"/v1/responses/{made['id']}/input_items"
            every = client.get(f"{path}?order=asc").json
            texts = [item["content"][0]["text"] for item in every["data"]]
            self.assertEqual(texts, [f"word {n}" for n in range(5)])
            self.assertEqual(
                (every["has_more"], every["first_id"]), (False, every["data"][0]["id"])
            )
            page = client.get(f"{path}?limit=2").json
            self.assertEqual([i["content"][0]["text"] for i in page["data"]], ["word 4", "word 3"])
            rest = client.get(f"{path}?limit=9&after={page['last_id']}").json
            self.assertEqual(
                (len(rest["data"]), page["has_more"], rest["has_more"]), (3, True, False)
            )
            for bad in ("limit=0", "limit=101", "limit=x", "order=up", "after=nothing"):
                self.assertEqual(client.get(f"{path}?{bad}").status, 400, bad)

    def test_it_is_not_streamed_a_second_time(self) -> None:
        with asked("Four.") as (_, client):
            made = client.turn(ASK).json
            self.assertEqual(client.get(f"/v1/responses/{made['id']}?stream=true").status, 400)


class Continued(unittest.TestCase):
    def test_what_was_said_before_is_sent_again(self) -> None:
        with asked("Four.", "Six.", "Eight.") as (provider, client):
            one = client.turn({**ASK, "instructions": "Be short."}).json
            two = client.turn({**ASK, "input": "And two?", "previous_response_id": one["id"]}).json
            three = client.turn({**ASK, "input": "Again?", "previous_response_id": two["id"]}).json
            said = [(m["role"], m["content"]) for m in provider.requests[2].messages]
        self.assertEqual(
            said,
            [
                ("user", "What is two and two?"),
                ("assistant", "Four."),
                ("user", "And two?"),
                ("assistant", "Six."),
                ("user", "Again?"),
            ],
        )
        self.assertEqual(three["previous_response_id"], two["id"])

    def test_branches_do_not_see_each_other(self) -> None:
        with asked("Four.", "Left.", "Right.") as (provider, client):
            one = client.turn(ASK).json
            for word in ("left", "right"):
                client.turn({**ASK, "input": word, "previous_response_id": one["id"]})
            last = [m["content"] for m in provider.requests[2].messages]
        self.assertEqual(last, ["What is two and two?", "Four.", "right"])

    def test_what_cannot_be_continued_says_so(self) -> None:
        with asked("Four.") as (provider, client):
            made = client.turn({**ASK, "store": False}).json
            for previous in (made["id"], "resp_unknown"):
                answer = client.turn({**ASK, "previous_response_id": previous})
                self.assertEqual(
                    (answer.status, answer.error["code"]), (400, "previous_response_not_found")
                )
            self.assertEqual(len(provider.requests), 1)

    def test_an_item_may_be_named_by_its_id(self) -> None:
        with asked("Four.", "Yes.") as (provider, client):
            one = client.turn(ASK).json
            reference = {"type": "item_reference", "id": one["output"][0]["id"]}
            client.turn({**ASK, "input": [reference], "previous_response_id": one["id"]})
            self.assertEqual(provider.requests[1].messages[-1]["role"], "user")
            missing = {"type": "item_reference", "id": "msg_nothing"}
            answer = client.turn({**ASK, "input": [missing]})
            self.assertEqual(answer.error["code"], "item_not_found")


class InTheBackground(unittest.TestCase):
    def test_it_is_queued_and_then_done(self) -> None:
        with asked("Four.") as (_, client):
            made = client.turn({**ASK, "background": True}).json
            self.assertEqual((made["status"], made["background"]), ("queued", True))
            path = f"/v1/responses/{made['id']}"
            wait_for(lambda: client.get(path).json["status"] == "completed")
            done = client.get(path).json
            self.assertEqual(done["output"][0]["content"][0]["text"], "Four.")
            self.assertEqual(client.post(f"{path}/cancel", {}).json, done)

    def test_it_can_be_cancelled_and_deleted(self) -> None:
        slow = Reply((*text("x").pieces[:2], Pause(20)))
        with ScriptedProvider(always=slow) as provider, gateway(provider) as bridge:
            client = bridge.client
            made = client.turn({**ASK, "background": True}).json
            path = f"/v1/responses/{made['id']}"
            wait_for(lambda: bool(provider.requests))
            self.assertEqual(client.post(f"{path}/cancel", {}).json["status"], "cancelled")
            self.assertTrue(provider.requests[0].over.wait(2))
            self.assertEqual(client.get(path).json["status"], "cancelled")
            other = client.turn({**ASK, "background": True}).json
            self.assertEqual(client.ask("DELETE", f"/v1/responses/{other['id']}", None).status, 200)
            time.sleep(0.3)
            self.assertEqual(client.get(f"/v1/responses/{other['id']}").status, 404)

    def test_a_bug_of_ours_fails_it(self) -> None:
        with ScriptedProvider() as provider, gateway(provider, model=BrokenModel()) as bridge:
            made = bridge.client.turn({**ASK, "background": True}).json
            path = f"/v1/responses/{made['id']}"
            wait_for(lambda: bridge.client.get(path).json["status"] == "failed")
            self.assertEqual(bridge.client.get(path).json["error"]["code"], "internal_error")

    def test_what_is_deleted_before_it_begins_stays_forgotten(self) -> None:
        slow = Reply((*text("x").pieces[:2], Pause(20)))
        with ScriptedProvider(always=slow) as provider:
            with gateway(provider, store=SlowStore()) as bridge:
                made = bridge.client.turn({**ASK, "background": True}).json
                path = f"/v1/responses/{made['id']}"
                self.assertEqual(bridge.client.ask("DELETE", path, None).status, 200)
                time.sleep(0.15)
                self.assertEqual(bridge.client.get(path).status, 404)

    def test_only_so_many_run_and_only_background_ones_are_cancelled(self) -> None:
        slow = Reply((*text("x").pieces[:2], Pause(20)))
        with ScriptedProvider(always=slow) as provider, gateway(provider) as bridge:
            ids = [bridge.client.turn({**ASK, "background": True}).json["id"] for _ in range(2)]
            answer = bridge.client.turn({**ASK, "background": True})
            self.assertEqual((answer.status, answer.error["code"]), (429, "rate_limit_exceeded"))
            for each in ids:
                bridge.client.post(f"/v1/responses/{each}/cancel", {})
        with asked("Four.") as (_, client):
            made = client.turn(ASK).json
            self.assertEqual(client.post(f"/v1/responses/{made['id']}/cancel", {}).status, 400)

    def test_what_contradicts_it_is_refused(self) -> None:
        with asked() as (_, client):
            for beside in ({"stream": True}, {"store": False}):
                answer = client.turn({**ASK, "background": True, **beside})
                self.assertEqual(
                    (answer.status, answer.error["code"]), (400, "unsupported_parameter")
                )


class BrokenModel:
    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        raise KeyError("a bug")
        yield ()


def with_items(name: str) -> StoredResponse:
    response = {"id": name, "output": [{"id": f"out_{name}"}]}
    return StoredResponse(name, "", "completed", response, ({"id": f"in_{name}"},))


class SlowStore(MemoryConversations):
    """Takes its time to note that a turn runs."""

    def save(self, stored: StoredResponse) -> None:
        time.sleep(0.1 if stored.status == "in_progress" else 0)
        super().save(stored)


class BrokenStore(MemoryConversations):
    def save(self, stored: StoredResponse) -> None:
        raise OSError("the disk is full")


class Stores(unittest.TestCase):
    def test_a_store_that_cannot_be_written_does_not_fail_the_turn(self) -> None:
        with ScriptedProvider() as provider, gateway(provider, store=BrokenStore()) as bridge:
            provider.say("Four.")
            made = bridge.client.turn(ASK).json
            self.assertEqual((made["status"], made["oss_receipt"]["stored"]), ("completed", False))
            self.assertIn("not_stored", [line["event"] for line in bridge.lines])

    def store(self, folder: Path, clock: HandWoundClock, **limits: float) -> SqliteConversations:
        database = Database(folder / "state/proxy.sqlite3", MIGRATIONS, clock)
        return SqliteConversations(database, StoreLimits(**limits), clock)  # type: ignore[arg-type]

    def put(self, store: SqliteConversations, name: str, status: str = "completed") -> None:
        store.save(StoredResponse(name, "", status, {"id": name, "status": status}, ({"id": "i"},)))

    def test_age_number_and_bytes_are_limited_and_the_oldest_go_first(self) -> None:
        clock = HandWoundClock()
        with scratch() as folder:
            store = self.store(folder, clock, seconds_max=100, responses_max=3)
            for number in range(100):
                clock.seconds += 1
                self.put(store, f"r{number}")
            self.assertIsNone(store.load("r96"))
            self.assertTrue(store.load("r97"))
            clock.seconds += 98
            self.assertIsNone(store.load("r97"))
            self.assertTrue(store.load("r99"))
            small = self.store(folder, clock, bytes_max=1)
            self.assertIsNone(small.load("r99"))

    def test_an_item_is_found_as_long_as_its_response_and_without_a_search(self) -> None:
        clock = HandWoundClock()
        with scratch() as folder:
            path = folder / "state/proxy.sqlite3"
            older = Database(path, MIGRATIONS[:1], clock)
            SqliteConversations(older, StoreLimits(), clock).save(with_items("before"))
            older.close()
            store = self.store(folder, clock, seconds_max=100)
            self.assertEqual(store.find_item("in_before"), {"id": "in_before"})
            for number in range(300):
                store.save(with_items(str(number)))
                store.save(with_items(str(number)))  # As a background response is, three times.
            plan = "EXPLAIN QUERY PLAN SELECT response_id FROM items WHERE id = 'in_7'"
            self.assertIn("items_by_id", str(store._database.rows(plan)))
            self.assertEqual(store._database.rows("SELECT count(*) FROM items"), [(602,)])
            self.assertEqual(store.find_item("out_7"), {"id": "out_7"})
            store.delete("7")
            self.assertIsNone(store.find_item("out_7"))
            clock.seconds += 101
            self.assertIsNone(store.find_item("out_8"))

    def test_it_survives_its_process_and_ends_what_was_running(self) -> None:
        clock = HandWoundClock()
        with scratch() as folder:
            store = self.store(folder, clock)
            self.put(store, "done")
            self.put(store, "running", "in_progress")
            again = self.store(folder, clock)
            running = again.load("running")
            self.assertTrue(again.load("done"))
            self.assertEqual(running and running.status, "failed")
            self.assertEqual(running and running.response["error"]["code"], "server_error")  # type: ignore[index]

    def test_it_is_private_and_a_broken_file_is_set_aside(self) -> None:
        with scratch() as folder:
            path = folder / "state/proxy.sqlite3"
            Database(path, MIGRATIONS, SystemClock()).close()
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            path.write_bytes(b"no database at all" * 100)
            made = Database(path, MIGRATIONS, SystemClock())
            self.assertTrue(made.set_aside and made.set_aside.exists())
            self.assertEqual(made.rows("SELECT count(*) FROM responses"), [(0,)])

    def test_many_that_make_it_at_once_make_one(self) -> None:
        for _ in range(5):
            with scratch() as folder, ThreadPoolExecutor(8) as pool:
                path = folder / "proxy.sqlite3"
                made = [pool.submit(Database, path, MIGRATIONS, SystemClock()) for _ in range(8)]
                for each in made:
                    database = each.result()
                    self.assertIsNone(database.set_aside)
                    self.assertEqual(database.rows("SELECT count(*) FROM items"), [(0,)])
                    database.close()

    def test_a_file_that_another_holds_is_not_set_aside(self) -> None:
        with scratch() as folder:
            path = folder / "proxy.sqlite3"
            with closing(sqlite3.connect(path)) as other:
                other.execute("BEGIN EXCLUSIVE")
                with self.assertRaises(StorageUnsafe):
                    Database(path, MIGRATIONS, SystemClock(), busy_seconds=0.05)
                other.rollback()
            self.assertEqual([each.name for each in folder.iterdir()], [path.name])

    def test_a_newer_file_is_refused(self) -> None:
        with scratch() as folder:
            path = folder / "state/proxy.sqlite3"
            Database(path, MIGRATIONS, SystemClock()).close()
            with sqlite3.connect(path) as connection:
                connection.execute("PRAGMA user_version=99")
            connection.close()
            with self.assertRaises(StorageUnsafe):
                Database(path, MIGRATIONS, SystemClock())


if __name__ == "__main__":
    unittest.main()
