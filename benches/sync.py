#!/usr/bin/env python3
"""What a sync costs, from start to exit: syncs to the disk, instructions, time against a floor, memory, files written.

usage: benches/sync.py [BINARY] [FLOOR]     default: target/release/horde-refd, the newest target/release/deps/durable_writes-*

The upstream is the real corpus where HORDE_REFD_SHARED names it, else the sample in tests/fixtures/upstream. The floor is
benches/durable_writes.rs (`cargo bench --no-run` builds it): a program that only reads the upstream and durably writes
the same files. Both run in turn, in the same directory, and the medians of the pairs are compared. Needs strace and
valgrind for the counts. Exits 1 when a limit is missed.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = os.environ.get("HORDE_REFD_SHARED")
UPSTREAM = Path(SHARED) / "corpus/upstream" if SHARED else ROOT / "tests/fixtures/upstream"
PAIRS = 21
missed = []


def arguments(binary, mirror):
    return [binary, "sync", "--base-path", str(mirror), "--upstream", str(UPSTREAM), "--layout", "github"]


def run(command):
    """One child: (wall ms, CPU ms, peak resident MiB)."""
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.execv(command[0], command)
    _, status, usage = os.wait4(child, 0)
    wall = (time.monotonic() - begun) * 1e3
    if status != 0:
        sys.exit(f"it failed: {command}")
    return wall, (usage.ru_utime + usage.ru_stime) * 1e3, usage.ru_maxrss / 1024


def fsyncs(command):
    done = subprocess.run(["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", *command], capture_output=True, text=True)
    counts = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?f(?:data)?sync$", done.stderr, re.M)
    return sum(map(int, counts))


def instructions(command):
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", *command], capture_output=True, text=True)
        return int(re.search(r"Collected : (\d+)", done.stderr).group(1)) / 1e6


def stamps(mirror):
    published = (path for path in Path(mirror).rglob("*") if path.is_file())
    own = {"status.json", "state.json"}
    return {path: path.stat().st_mtime_ns for path in published if path.name not in own}


def show(name, value, unit, limit, spread=""):
    late = value > limit
    if late:
        missed.append(name)
    print(f"{name:48} {value:8.2f} {unit:5} {spread}(limit {limit}){'  MISSED' if late else ''}", flush=True)


def span(figures):
    return f"{min(figures):.2f}..{max(figures):.2f} "


def main():
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/horde-refd")
    built = sorted((ROOT / "target/release/deps").glob("durable_writes-*[!d]"), key=os.path.getmtime)
    floor = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else built[-1])
    cold, ratios, warm, moved = [], [], [], 0
    scratch = Path(tempfile.mkdtemp(dir=os.environ.get("TMPDIR", "/var/tmp")))
    model = scratch / "model"
    run(arguments(binary, model))
    for pair in range(PAIRS + 1):
        mirror = scratch / f"mirror-{pair}"
        first = run(arguments(binary, mirror))
        bare = run([floor, str(UPSTREAM), str(model), str(scratch / f"bare-{pair}")])
        before = stamps(mirror)
        second = run(arguments(binary, mirror))
        moved += stamps(mirror) != before
        if pair:
            cold.append(first)
            ratios.append(first[0] / bare[0])
            warm.append(second)
    print(f"upstream {UPSTREAM}, load average {os.getloadavg()[0]:.1f}")
    show("cold: fsyncs", fsyncs(arguments(binary, scratch / "counted")), "", 27)
    show("cold: time against the bare durable writes", statistics.median(ratios), "x", 1.25, span(ratios))
    show("cold: peak resident memory", statistics.median(one[2] for one in cold), "MiB", 12, span([one[2] for one in cold]))
    show("cold: instructions", instructions(arguments(binary, scratch / "callgrind")), "M", 60)
    show("nothing new: instructions", instructions(arguments(binary, scratch / "callgrind")), "M", 48)
    show("nothing new: published files that moved", moved, "", 0)
    walls = [one[0] for one in cold]
    print(f"{'cold: wall time':48} {statistics.median(walls):8.2f} ms    {span(walls)}")
    for name, runs in (("cold", cold), ("nothing new", warm)):
        cpu = [one[1] for one in runs]
        print(f"{name + ': user + system CPU':48} {statistics.median(cpu):8.2f} ms    {span(cpu)}")
    shutil.rmtree(scratch)
    sys.exit(1 if missed else 0)


main()
