#!/usr/bin/env python3
"""Measures the daemon: how fast an edit is published, what it costs at rest, what a poll costs.

    benches/daemon.py BINARY [latency] [polls] [idle] [memory]      without a name: all of them, in 6 minutes or so

The upstream is the real one below $HORDE_REFD_SHARED (or a directory named by --upstream, laid out as GitHub is), served
by a real nginx on loopback. Needs Linux, nginx, and strace for the wake-ups. Prints one line a figure, with its limit;
exits with 1 when one is missed. Figures of a busy machine say so: the load is printed with them.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

NEVER = "0 0 0 1 1 *"
IMAGE = "Haidra-Org/AI-Horde-image-model-reference/refs/heads/main/stable_diffusion.json"
missed = []


def figure(name, value, unit, limit=None):
    """Prints a figure; a missed limit is remembered."""
    verdict = ""
    if limit is not None:
        verdict = f"   limit {limit} {unit}".rstrip() + ("" if value <= limit else "   MISSED")
        if value > limit:
            missed.append(name)
    print(f"{name:<58} {value:>10.3f} {unit}{verdict}", flush=True)


def until(what, condition, bound=60.0, pause=0.001):
    """Waits for an observed state, for a bounded time."""
    end = time.monotonic() + bound
    while not (found := condition()):
        if time.monotonic() > end:
            raise SystemExit(f"never: {what}")
        time.sleep(pause)
    return found


def nginx(directory, root):
    """Serves root; returns the URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    directory.mkdir()
    config = directory / "nginx.conf"
    config.write_text(f"""
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
events {{}}
http {{
  types {{ application/json json; text/plain csv; }}
  log_format short '$status $body_bytes_sent $request'; access_log {directory}/access.log short;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  gzip on; gzip_types application/json text/plain; etag on;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
""")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    child = subprocess.Popen([program, "-c", config, "-p", directory, "-e", directory / "error.log"])

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True

    until("nginx answers", answers)
    return child, f"http://127.0.0.1:{port}"


class Daemon:
    """The daemon with a mirror of its own; a context manager."""

    def __init__(self, binary, root, upstream, cron=NEVER, layout="github", **keys):
        self.root = pathlib.Path(root)
        self.mirror = self.root / "mirror"
        self.root.mkdir(parents=True, exist_ok=True)
        # In memory, as /run is where systemd makes it.
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.run = pathlib.Path(tempfile.mkdtemp(prefix="horde-refd-bench.", dir=memory))
        values = {
            "base_path": str(self.mirror),
            "schedule.cron": cron,
            "schedule.splay": "0s",
            "stale_after": "30d",
            **keys,
        }
        config = self.root / "config.toml"
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        lines += ["[[upstream]]", f"url = {json.dumps(upstream)}", f'layout = "{layout}"', ""]
        config.write_text("\n".join(lines))
        self.log = open(self.root / "log", "wb")
        self.child = subprocess.Popen(
            [binary, "run", "-c", config],
            env={"PATH": os.environ["PATH"], "HOME": str(self.root), "RUNTIME_DIRECTORY": str(self.run)},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        self.pid = self.child.pid
        self.wait_cycles(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        self.log.close()
        shutil.rmtree(self.run)

    def status(self):
        with contextlib.suppress(OSError):
            return json.loads((self.run / "status.json").read_bytes())

    def cycles(self):
        status = self.status()
        return status["cycles"] if status else 0

    def wait_cycles(self, count, pause=0.001):
        until(f"{count} cycles", lambda: self.cycles() >= count, 600, pause)

    def wait_until_idle(self):
        """Waits until the daemon has looked at what it wrote itself: no cycle for a second."""
        last, since = self.cycles(), time.monotonic()
        while time.monotonic() - since < 1:
            time.sleep(0.05)
            if (now := self.cycles()) != last:
                last, since = now, time.monotonic()

    def force(self, times=1):
        """Forced cycles, one after the other, as fast as they go."""
        for _ in range(times):
            before = self.status()["last_forced"]
            os.kill(self.pid, signal.SIGHUP)
            until("the refresh", lambda: self.status()["last_forced"] != before, 60, 0.0002)

    def resident(self):
        """Resident memory in MiB, and what of it is not shared with the files it is mapped from."""
        fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))

    def cpu(self):
        """CPU time of all threads in seconds, to the nanosecond."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def wakeups(self):
        """How often any of its threads has slept and gone on."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for line in (task / "status").read_text().splitlines():
                    if line.startswith("voluntary_ctxt_switches"):
                        total += int(line.split()[1])
        return total


def latency(options, root):
    """From the close of an edited legacy file to the new v2 file under its name."""
    debounce = 50
    with Daemon(options.binary, root, str(options.upstream)) as daemon:
        daemon.wait_until_idle()
        legacy = daemon.mirror / "legacy/stable_diffusion.json"
        v2 = daemon.mirror / "stable_diffusion.json"
        text = legacy.read_text()
        mark = "Generalist AI image generating model."
        assert mark in text
        took = []
        for edit in range(options.edits):
            before = os.stat(v2).st_mtime_ns
            edited = text.replace(mark, f"Edit number {edit}.", 1).encode()
            with open(legacy, "wb") as file:
                file.write(edited)
            closed = time.perf_counter()
            while os.stat(v2).st_mtime_ns == before:
                if time.perf_counter() - closed > 10:
                    raise SystemExit(f"edit {edit} was not published")
                time.sleep(0.0001)
            took.append((time.perf_counter() - closed) * 1000)
            assert f"Edit number {edit}." in v2.read_text(), "something else was published"
            # The look at what was just written is over before the next edit, so that each one is measured from rest.
            time.sleep(0.12 + 0.01 * (edit % 7))
    took.sort()
    print(f"# latency of {len(took)} edits of the image reference, debounce {debounce} ms, load {os.getloadavg()[0]:.1f}")
    figure("edit to published, median", statistics.median(took), "ms", debounce + 10)
    figure("edit to published, 99th percentile", took[int(len(took) * 0.99) - 1], "ms", debounce + 25)
    figure("edit to published, slowest", took[-1], "ms")


def polls(options, root):
    """Polls with nothing new against nginx, by a schedule of one second."""
    with Daemon(options.binary, root / "daemon", options.url, cron="* * * * * *") as daemon:
        until("the first polls", lambda: daemon.cycles() >= 4)
        log = options.access_log
        requests, cpu, cycles = len(log.read_text().splitlines()), daemon.cpu(), daemon.cycles()
        daemon.wait_cycles(cycles + options.polls, 0.05)
        polls_made = daemon.cycles() - cycles
        cpu = daemon.cpu() - cpu
        lines = log.read_text().splitlines()[requests:]
        rss, anon = daemon.resident()
        print(f"# {polls_made} polls with nothing new, load {os.getloadavg()[0]:.1f}")
        figure("requests a poll", len(lines) / polls_made, "", 10)
        figure("bytes of bodies moved", sum(int(line.split()[1]) for line in lines), "B", 0)
        figure("answers other than 304", sum(not line.startswith("304 ") for line in lines), "", 0)
        figure("CPU of a poll, and of one second at rest", cpu / polls_made * 1000, "ms", 5)
        figure(f"resident after {polls_made} polls", rss, "MiB", 12)
        figure("of it anonymous", anon, "MiB")


def idle(options, root):
    """A minute of rest."""
    with Daemon(options.binary, root / "daemon", options.url) as daemon:
        daemon.force(3)
        daemon.wait_until_idle()
        seconds = options.seconds
        cpu, wakeups = daemon.cpu(), daemon.wakeups()
        time.sleep(seconds)
        cpu, wakeups = daemon.cpu() - cpu, daemon.wakeups() - wakeups
        threads = len(list(pathlib.Path(f"/proc/{daemon.pid}/task").iterdir()))
        print(f"# {seconds} s at rest, {threads} threads, load {os.getloadavg()[0]:.1f}")
        figure("wake-ups a second (voluntary context switches)", wakeups / seconds, "", 5)
        figure("CPU share", cpu / seconds * 100, "%", 0.1)
        if shutil.which("strace"):
            counted = root / "strace"
            tracer = subprocess.Popen(
                ["strace", "-f", "-c", "-o", counted, "-p", str(daemon.pid)], stderr=subprocess.DEVNULL
            )
            time.sleep(seconds / 4)
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
            calls = {}
            for line in counted.read_text().splitlines():
                words = line.split()
                if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
                    calls[words[-1]] = int(words[3])
            print(f"# system calls in {seconds / 4:.0f} s (strace -c): {calls or 'none'}")
            waits = sum(count for name, count in calls.items() if name.startswith(("epoll", "futex", "poll", "clock_nano")))
            figure("waits a second (strace)", waits / (seconds / 4), "", 5)


def memory(options, root):
    """Forced cycles: the memory stays flat."""
    with Daemon(options.binary, root / "daemon", options.url) as daemon:
        done, first = 0, None
        print(f"# forced cycles, load {os.getloadavg()[0]:.1f}")
        for goal in [count for count in (10, 100, 1000, 3000, 10000) if count <= options.forced]:
            daemon.force(goal - done)
            done = goal
            rss, anon = daemon.resident()
            figure(f"resident after {goal} forced cycles", rss, "MiB")
            figure("of it anonymous", anon, "MiB")
            if goal == 100:
                first = rss
        if first and done > 100:
            figure("growth since the hundredth", rss - first, "MiB", 1)


def main():
    measures = {"latency": latency, "polls": polls, "idle": idle, "memory": memory}
    shared = pathlib.Path(os.environ.get("HORDE_REFD_SHARED", "../shared"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("measures", nargs="*", choices=[[], *measures], help="which of them")
    parser.add_argument("--upstream", type=pathlib.Path, default=shared / "corpus/upstream")
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--polls", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--forced", type=int, default=10_000)
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    options.upstream = options.upstream.resolve()
    if not (options.upstream / IMAGE).exists():
        parser.error(f"{options.upstream} has no {IMAGE}: set HORDE_REFD_SHARED or --upstream")
    for name in options.measures or measures:
        with tempfile.TemporaryDirectory(prefix="horde-refd-bench.") as directory:
            root = pathlib.Path(directory)
            if name == "latency":
                measures[name](options, root)
                continue
            server, options.url = nginx(root / "nginx", options.upstream)
            options.access_log = root / "nginx/access.log"
            try:
                measures[name](options, root)
            finally:
                server.terminate()
                server.wait()
    print(f"{len(missed)} limits missed" + (": " + ", ".join(missed) if missed else ""))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
