"""Real programs: their output, their end, their children, and who may be signalled."""

import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from dataclasses import replace
from pathlib import Path

from support import scratch

from codex_oss.deadline import Deadline
from codex_oss.errors import ProcessFailed
from codex_oss.system import (
    Completed,
    ProcessId,
    SystemClock,
    kill,
    minimal_env,
    run,
    send_signal,
    spawn_detached,
    terminate,
)


def shell(script: str, *, seconds_max: float = 5, **options: object) -> Completed:
    options = {"output_bytes_max": 1 << 20} | options
    return run(["sh", "-c", script], env=minimal_env(), seconds_max=seconds_max, **options)


class Running(unittest.TestCase):
    def test_what_a_program_left_is_kept_apart(self) -> None:
        cases = {
            "echo out; echo err >&2; exit 3": Completed(3, b"out\n", b"err\n"),
            "kill -TERM $$": Completed(-signal.SIGTERM, b"", b""),
            "cat": Completed(0, b"", b""),
            "printf 0123456789": Completed(0, b"01234567", b"", truncated=True),
            "printf 01234567": Completed(0, b"01234567", b""),
            "printf 0123456789 >&2; exit 1": Completed(1, b"", b"01234567", truncated=True),
        }
        for script, expected in cases.items():
            with self.subTest(script):
                self.assertEqual(shell(script, output_bytes_max=8), expected)

    def test_input_and_output_larger_than_a_pipe_do_not_block_each_other(self) -> None:
        data = os.urandom(1 << 20)
        done = shell("tee /dev/stderr", input=data)
        self.assertEqual(done, Completed(0, data, data))

    def test_what_was_written_just_before_the_end_is_kept(self) -> None:
        for _ in range(60):
            done = shell("printf a; printf b >&2; printf c")
            self.assertEqual(done, Completed(0, b"ac", b"b"))

    def test_a_program_that_does_not_read_its_input_ends(self) -> None:
        self.assertEqual(shell("exit 4", input=b"x" * (1 << 20)).exit_code, 4)

    def test_time_ends_the_whole_group_and_keeps_what_it_said(self) -> None:
        with scratch() as folder:
            pids = folder / "pids"
            script = f"echo started; sleep 60 & echo $! $$ > {pids}; sleep 60"
            done = shell(script, seconds_max=0.3)
            self.assertEqual(done, Completed(-signal.SIGKILL, b"started\n", b"", timed_out=True))
            for pid in pids.read_text("ascii").split():
                self.assert_ends(int(pid))

    def test_what_a_program_leaves_behind_in_its_group_ends_with_it(self) -> None:
        done = shell("sleep 60 & echo $!")
        self.assertFalse(done.timed_out)
        self.assert_ends(int(done.stdout))

    def test_what_escaped_from_the_group_is_not_waited_for(self) -> None:
        script = "setsid sh -c 'echo $$; exec sleep 60' & sleep 0.2; echo done"
        started = time.monotonic()
        done = shell(script)
        self.assertLess(time.monotonic() - started, 2)
        self.assertIn(b"done\n", done.stdout)
        os.kill(int(done.stdout.split()[0]), signal.SIGKILL)

    def test_a_program_that_closed_its_outputs_is_still_waited_for(self) -> None:
        self.assertEqual(shell("exec >&- 2>&-; sleep 0.2; exit 5").exit_code, 5)

    def test_a_cancelled_deadline_ends_it_at_once(self) -> None:
        deadline = Deadline(SystemClock())
        threading.Timer(0.1, deadline.cancel, ["the client left"]).start()
        started = time.monotonic()
        done = shell("echo before; sleep 60", deadline=deadline)
        self.assertLess(time.monotonic() - started, 1)
        self.assertEqual((done.stdout, done.timed_out), (b"before\n", True))

    def test_a_program_that_cannot_start_is_a_failure_with_its_name(self) -> None:
        for argv in (["no-such-program"], ["/etc/passwd"]):
            with self.subTest(argv), self.assertRaisesRegex(ProcessFailed, f"start {argv[0]}: "):
                run(argv, env=minimal_env(), seconds_max=1, output_bytes_max=1)

    def test_a_child_knows_nothing_but_its_list(self) -> None:
        env = minimal_env(EXTRA="x")
        self.assertEqual(set(env), {"PATH", "HOME", "LANG", "LC_ALL", "EXTRA"})
        seen = run(["env"], env=env, seconds_max=5, output_bytes_max=1 << 16).stdout.decode()
        self.assertEqual(dict(line.split("=", 1) for line in seen.splitlines()), env)

    def test_no_descriptor_is_left_open(self) -> None:
        shell("true")
        before = len(list(Path("/dev/fd").iterdir()))
        shell("true", input=b"x")
        shell("sleep 60", seconds_max=0.05)
        self.assertEqual(len(list(Path("/dev/fd").iterdir())), before)

    def assert_ends(self, pid: int) -> None:
        for _ in range(100):  # Killed; whoever adopted it still has to reap it.
            try:
                if not ProcessId.of(pid).is_alive:
                    return
            except ProcessLookupError:
                return
            time.sleep(0.02)
        self.fail(f"process {pid} lives on")


class Detached(unittest.TestCase):
    def test_it_leads_its_own_session_and_writes_to_its_file(self) -> None:
        with scratch() as folder:
            output = folder / "log"
            output.write_bytes(b"before\n")
            script = (
                "import os; print(os.getpid() == os.getsid(0), os.getcwd(), flush=True); input()"
            )
            argv = [sys.executable, "-c", script]
            pid = spawn_detached(argv, cwd=folder, env=minimal_env(), stdout_path=output)
            os.waitpid(pid, 0)
            lines = output.read_text("utf-8").splitlines()
        self.assertEqual(lines[:2], ["before", f"True {folder}"])
        self.assertEqual(lines[-1], "EOFError: EOF when reading a line")  # And errors go there too.


class WhoIsSignalled(unittest.TestCase):
    def setUp(self) -> None:
        argv = ["sleep", "60"]
        self.child = subprocess.Popen(argv, start_new_session=True)
        self.addCleanup(self.child.wait)
        self.addCleanup(self.child.kill)
        self.process = ProcessId.of(self.child.pid)

    def test_only_the_process_that_was_meant(self) -> None:
        others = {
            "another start time": replace(self.process, start="1"),
            "another boot": replace(self.process, boot="another"),
        }
        for why, other in others.items():
            with self.subTest(why):
                self.assertFalse(other.is_alive)
                self.assertFalse(send_signal(other, signal.SIGKILL))
                self.assertFalse(kill(other))
        self.assertTrue(self.process.is_alive)
        self.assertTrue(terminate(self.process))
        self.assertEqual(self.child.wait(), -signal.SIGTERM)

    def test_a_zombie_and_a_missing_one_are_not_alive(self) -> None:
        self.child.kill()
        os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOWAIT)
        self.assertFalse(self.process.is_alive)
        self.assertFalse(terminate(self.process))
        self.child.wait()
        self.assertFalse(terminate(self.process) or kill(self.process))
        with self.assertRaises(ProcessLookupError):
            ProcessId.of(self.child.pid)

    def test_a_leader_is_killed_with_its_group_and_another_one_alone(self) -> None:
        with subprocess.Popen(["sleep", "60"]) as follower:
            self.assertTrue(kill(ProcessId.of(follower.pid)))  # Our own group lives on.
            self.assertEqual(follower.wait(), -signal.SIGKILL)
        script = ["sh", "-c", "sleep 60 & echo $!; wait"]
        with subprocess.Popen(script, start_new_session=True, stdout=subprocess.PIPE) as leader:
            member = ProcessId.of(int(leader.stdout.readline()))
            self.assertTrue(kill(ProcessId.of(leader.pid)))
        for _ in range(100):
            if not member.is_alive:
                return
            time.sleep(0.02)
        self.fail("a member of the group lives on")

    def test_a_name_with_brackets_and_blanks_does_not_confuse_the_start_time(self) -> None:
        with scratch() as folder:
            odd = folder / "a) R 1 1 (b"
            odd.symlink_to("/bin/sleep")
            with subprocess.Popen([odd, "60"]) as child:
                self.assertEqual(ProcessId.of(child.pid), ProcessId.of(child.pid))
                self.assertRegex(ProcessId.of(child.pid).start, r"^[0-9]{3,}$")
                child.kill()


if __name__ == "__main__":
    unittest.main()
