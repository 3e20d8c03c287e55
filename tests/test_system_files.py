"""Files on a real disk, on one that fails at every step, and on one that somebody prepared."""

import errno
import itertools
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import unittest
from contextlib import suppress
from functools import partial
from pathlib import Path

from support import LONG, ROOT, scratch

from codex_oss.errors import Busy, StorageUnsafe, TooLarge
from codex_oss.system import (
    Disk,
    FileLock,
    SystemClock,
    open_beneath,
    private_folder,
    read_bounded,
    read_tail,
    remove,
    remove_scratch,
    scratch_file,
    scratch_folder,
    write_atomic,
)

OLD, NEW = b"old\n" * 500, b"new and longer\n" * 1000


class DiskThatFailsOnce(Disk):
    """Raises at its n-th call, or lets the n-th write take one byte only."""

    def __init__(self, fails_at: int, how: int | str) -> None:
        self.fails_at, self.how, self.calls = fails_at, how, 0

    def step(self) -> bool:
        self.calls += 1
        if self.calls != self.fails_at:
            return False
        if isinstance(self.how, int):
            raise OSError(self.how, os.strerror(self.how))
        return True

    def open(
        self, path: str | Path, flags: int, mode: int = 0o600, dir_fd: int | None = None
    ) -> int:
        self.step()
        return super().open(path, flags, mode, dir_fd)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        return super().write(fd, data[:1] if self.step() else data)

    def sync(self, fd: int) -> None:
        self.step()
        super().sync(fd)

    def sync_folder(self, path: str | Path) -> None:
        self.step()
        super().sync_folder(path)

    def replace(self, src: str | Path, dst: str | Path) -> None:
        self.step()
        super().replace(src, dst)


class WritingWhole(unittest.TestCase):
    def test_a_disk_that_fails_at_any_step_leaves_the_old_content_or_the_new(self) -> None:
        for how in (errno.ENOSPC, errno.EIO, "short"):
            for fails_at in itertools.count(1):
                with self.subTest(how=how, fails_at=fails_at), scratch() as folder:
                    path = folder / "it"
                    path.write_bytes(OLD)
                    disk = DiskThatFailsOnce(fails_at, how)
                    try:
                        write_atomic(path, NEW, disk)
                        done = True
                    except OSError:
                        done = False
                    self.assertIn(path.read_bytes(), [NEW] if done else [OLD, NEW])
                    self.assertEqual([entry.name for entry in folder.iterdir()], ["it"])
                if disk.calls < fails_at:
                    self.assertEqual(fails_at, 6)  # open, write, sync, replace, sync_folder
                    break

    def test_a_limit_of_the_kernel_leaves_the_old_content(self) -> None:
        with scratch() as folder:
            path = folder / "it"
            path.write_bytes(OLD)
            child = (
                "import resource, sys; from pathlib import Path\n"
                "from codex_oss.system import write_atomic\n"
                "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
                f"write_atomic(Path(sys.argv[1]), b'x' * {resource.getpagesize() * 4})\n"
            )
            done = subprocess.run(
                [sys.executable, "-c", child, path], cwd=ROOT, capture_output=True, text=True
            )
            self.assertIn("File too large", done.stderr)
            self.assertEqual(path.read_bytes(), OLD)
            self.assertEqual(len(list(folder.iterdir())), 1)

    def test_the_mode_is_private_and_a_link_is_replaced_not_followed(self) -> None:
        with scratch() as folder:
            target, path = folder / "target", folder / "link"
            target.write_bytes(OLD)
            path.symlink_to(target)
            write_atomic(path, NEW)
            self.assertEqual((target.read_bytes(), path.read_bytes()), (OLD, NEW))
            self.assertEqual(path.lstat().st_mode, 0o100600)


class ReadingBounded(unittest.TestCase):
    def test_what_is_no_plain_file_is_refused_at_once(self) -> None:
        with scratch() as folder:
            (folder / "file").write_bytes(b"x")
            (folder / "link").symlink_to("file")
            os.mkfifo(folder / "pipe")
            for path in (folder / "link", folder / "pipe", folder, Path("/dev/zero")):
                with self.subTest(path), self.assertRaises(StorageUnsafe):
                    read_bounded(path, 10)
            with self.assertRaises(FileNotFoundError):
                read_bounded(folder / "missing", 10)

    def test_the_limit_is_the_last_size_that_is_read(self) -> None:
        with scratch() as folder:
            path = folder / "file"
            path.write_bytes(b"12345")
            self.assertEqual(read_bounded(path, 5), b"12345")
            with self.assertRaisesRegex(TooLarge, "5 bytes, at most 4"):
                read_bounded(path, 4)


class PrivateFolders(unittest.TestCase):
    def test_missing_ones_are_made_for_us_alone(self) -> None:
        with scratch() as folder:
            path = private_folder(folder / "a" / "b")
            self.assertEqual([p.stat().st_mode for p in (path, path.parent)], [0o40700] * 2)
            self.assertEqual(private_folder(path), path)

    def test_what_others_can_reach_is_refused_with_the_reason(self) -> None:
        with scratch() as folder:
            (folder / "real").mkdir()
            (folder / "link").symlink_to("real")
            (folder / "dangling").symlink_to("nowhere")
            (folder / "file").write_bytes(b"")
            (folder / "wide").mkdir()
            (folder / "wide").chmod(0o770)
            cases = {
                "link": "a symbolic link",
                "dangling/below": "a symbolic link",
                "file": "not a folder",
                "wide": "writable for others",
            }
            if os.geteuid() == 0:
                (folder / "foreign").mkdir()
                os.chown(folder / "foreign", 12345, 12345)
                cases["foreign"] = "owned by user 12345"
            for name, reason in cases.items():
                with self.subTest(name), self.assertRaisesRegex(StorageUnsafe, reason):
                    private_folder(folder / name)


class ForAWhile(unittest.TestCase):
    def test_what_is_temporary_is_private_and_can_be_removed(self) -> None:
        file, folder = scratch_file("oss-test-", b"kept"), scratch_folder("oss-test-")
        self.addCleanup(file.unlink)
        self.assertEqual(file.read_bytes(), b"kept")
        self.assertEqual((file.stat().st_mode, folder.stat().st_mode), (0o100600, 0o40700))
        (folder / "sub").mkdir()
        remove_scratch(folder)
        self.assertFalse(folder.exists())

    def test_a_tail_is_the_last_bytes_and_a_missing_file_has_none(self) -> None:
        with scratch() as folder:
            path = folder / "log"
            self.assertEqual(read_tail(path, 4), b"")
            path.write_bytes(b"first and last")
            self.assertEqual(
                (read_tail(path, 4), read_tail(path, 99)), (b"last", b"first and last")
            )
            remove(path)
            remove(path)
            self.assertFalse(path.exists())


class OpeningBeneath(unittest.TestCase):
    def setUp(self) -> None:
        folder = self.enterContext(scratch())
        self.outside, root = folder / "outside", folder / "root"
        (root / "a" / "b").mkdir(parents=True)
        (self.outside / "b").mkdir(parents=True)
        (self.outside / "b" / "file").write_bytes(b"secret")
        (root / "a" / "b" / "file").write_bytes(b"ours")
        self.root = root
        self.root_fd = os.open(root, os.O_RDONLY)
        self.addCleanup(os.close, self.root_fd)

    def read(self, path: str) -> bytes:
        fd = open_beneath(self.root_fd, path)
        try:
            return os.read(fd, 100)
        finally:
            os.close(fd)

    def test_a_path_without_links_opens(self) -> None:
        self.assertEqual(self.read("a/b/file"), b"ours")
        os.close(open_beneath(self.root_fd, "."))
        os.close(open_beneath(self.root_fd, "a/b"))

    def test_a_link_at_any_component_is_a_loop_even_if_it_stays_inside(self) -> None:
        links = {"x": "a", "a/x": "b", "a/b/x": "file", "out": "../outside", "top": "/"}
        for name, target in links.items():
            (self.root / name).symlink_to(target)
        for path in ("x/b/file", "a/x/file", "a/b/x", "out/b/file", "out", "top/etc/passwd"):
            with self.subTest(path), self.assertRaises(OSError) as caught:
                self.read(path)
            self.assertEqual(caught.exception.errno, errno.ELOOP, path)

    def test_what_leads_out_or_nowhere_is_refused(self) -> None:
        (self.root / "file").write_bytes(b"")
        cases = {
            "../outside/b/file": errno.EINVAL,
            "a/../../outside": errno.EINVAL,
            "..": errno.EINVAL,
            "/etc/passwd": errno.ENOENT,
            "": errno.ENOENT,
            "a/": errno.ENOENT,
            "a/c": errno.ENOENT,
            "file/b": errno.ENOTDIR,
        }
        for path, expected in cases.items():
            with self.subTest(path), self.assertRaises(OSError) as caught:
                self.read(path)
            self.assertEqual(caught.exception.errno, expected)

    def test_a_pipe_is_not_waited_for(self) -> None:
        os.mkfifo(self.root / "pipe")
        started = time.monotonic()
        os.close(open_beneath(self.root_fd, "pipe"))
        self.assertLess(time.monotonic() - started, 1)

    def test_links_that_are_swapped_in_never_lead_out(self) -> None:
        (self.root / "link").symlink_to("../outside")
        done = threading.Event()

        def swap() -> None:
            while not done.is_set():
                for src, dst in (("a", "kept"), ("link", "a"), ("a", "link"), ("kept", "a")):
                    (self.root / src).rename(self.root / dst)

        swapper = threading.Thread(target=swap)
        swapper.start()
        seen: dict[object, int] = {}
        for _ in range(50_000 if LONG else 3_000):
            try:
                found: object = self.read("a/b/file")
            except OSError as error:
                found = error.errno
            seen[found] = seen.get(found, 0) + 1
        done.set()
        swapper.join()
        # ENOTDIR: it was a link, and a folder again before we could ask what it was.
        self.assertLessEqual(seen.keys(), {b"ours", errno.ENOENT, errno.ELOOP, errno.ENOTDIR})
        self.assertGreater(seen[b"ours"], 0)

    def test_no_descriptor_is_left_open(self) -> None:
        before = len(list(Path("/dev/fd").iterdir()))
        for path in ("a/b/file", "a/b/missing", "a/missing/x", ".."):
            with suppress(OSError):
                self.read(path)
        self.assertEqual(len(list(Path("/dev/fd").iterdir())), before)


HOLDER = """
import sys, time
from pathlib import Path
from codex_oss.system import FileLock
lock = FileLock(Path(sys.argv[1]))
assert lock.acquire(0)
lock.write_holder("another process")
print("held", flush=True)
sys.stdin.read()
lock.release()
print("free", flush=True)
sys.stdin.read()
"""


class MadeOnce(unittest.TestCase):
    def test_all_who_ask_at_once_get_what_the_first_one_made(self) -> None:
        path = self.enterContext(scratch()) / "key"
        script = (
            "import sys; from pathlib import Path\n"
            "from codex_oss.system import made_once, random_bytes\n"
            "sys.stdin.readline()\n"
            "print(made_once(Path(sys.argv[1]), lambda: random_bytes(32)).hex())\n"
        )
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        argv = [sys.executable, "-c", script, path]
        children = [subprocess.Popen(argv, cwd=ROOT, **pipes) for _ in range(4)]
        for child in children:
            child.stdin.write(b"go\n")
            child.stdin.flush()
        found = {child.communicate()[0].decode().strip() for child in children}
        self.assertEqual(found, {path.read_bytes().hex()})
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)


class ClockOfTheImpatient(SystemClock):
    """Every sleep takes a second that nobody has to wait for."""

    def __init__(self) -> None:
        self.slept = 0

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += 1


class Locks(unittest.TestCase):
    def setUp(self) -> None:
        self.path = self.enterContext(scratch()) / "lock"
        self.lock = FileLock(self.path)

    def another_holder(self) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [sys.executable, "-c", HOLDER, self.path],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(child.communicate)
        assert child.stdout
        self.assertEqual(child.stdout.readline(), "held\n")
        return child

    def test_another_process_is_waited_for_and_named(self) -> None:
        child = self.another_holder()
        self.assertFalse(self.lock.acquire(0.05))
        self.assertTrue(self.lock.is_held)
        self.assertEqual(self.lock.holder, "another process")
        assert child.stdin
        child.stdin.close()
        child.stdin = None
        self.assertTrue(self.lock.acquire(5))
        self.lock.release()
        self.assertFalse(self.lock.is_held)

    def test_what_is_put_in_its_place_is_held_and_taken_by_nobody(self) -> None:
        elsewhere = self.path.with_name("elsewhere")
        for number, put in enumerate((os.mkdir, os.mkfifo, partial(os.symlink, elsewhere))):
            put(self.path)
            self.assertEqual((self.lock.is_held, self.lock.holder), (False, ""))
            with self.assertRaises(StorageUnsafe):
                self.lock.acquire(0)
            self.path.rename(self.path.with_name(f"{number}"))
        self.assertFalse(elsewhere.exists())

    def test_a_killed_holder_holds_nothing(self) -> None:
        child = self.another_holder()
        child.send_signal(signal.SIGKILL)
        child.wait()
        self.assertFalse(self.lock.is_held)
        self.assertTrue(self.lock.acquire(0))
        self.assertEqual(self.lock.holder, "another process")  # For people: who it was.
        self.lock.write_holder("us")
        self.assertEqual(self.lock.holder, "us")
        self.lock.release()

    def test_a_child_before_its_exec_does_not_keep_it(self) -> None:
        self.assertTrue(self.lock.acquire(0))
        child = os.fork()
        if not child:
            time.sleep(30)
            os._exit(0)
        try:
            self.lock.release()
            self.assertFalse(self.lock.is_held)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def test_threads_with_one_lock_take_turns(self) -> None:
        inside: list[str] = []

        def work() -> None:
            for _ in range(20):
                with self.lock:
                    inside.append("in")
                    time.sleep(0)
                    inside.append("out")

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(inside, ["in", "out"] * 60)

    def test_waiting_too_long_says_who_holds_it(self) -> None:
        self.another_holder()
        with self.assertRaisesRegex(Busy, "lock is held by another process, waited 5 s"):
            with FileLock(self.path, ClockOfTheImpatient()):
                self.fail("two holders")


if __name__ == "__main__":
    unittest.main()
