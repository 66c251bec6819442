#!/usr/bin/env python3
"""What a sync costs, from start to exit: CPU, peak memory, files written.

usage: benches/sync.py [BINARY]     default: target/release/horde-refd

The upstream is the real corpus where HORDE_REFD_SHARED names it, else the sample in tests/fixtures/upstream. Figures
are the kernel's for the whole process (wait4), over 15 runs after one that is not counted. Exits 1 when a limit is
missed: a cold sync 30 ms of CPU and 20 MiB, one with nothing new 10 ms of CPU and no file written.
"""
import os
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = os.environ.get("HORDE_REFD_SHARED")
UPSTREAM = Path(SHARED) / "corpus/upstream" if SHARED else ROOT / "tests/fixtures/upstream"
RUNS = 15


def run(binary, mirror):
    """One sync as a child: (CPU in ms, peak resident MiB)."""
    arguments = [binary, "sync", "--base-path", mirror, "--upstream", str(UPSTREAM), "--layout", "github"]
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.execv(binary, arguments)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"the sync failed: {arguments}")
    return (usage.ru_utime + usage.ru_stime) * 1e3, usage.ru_maxrss / 1024


def stamps(mirror):
    return {path: path.stat().st_mtime_ns for path in Path(mirror).rglob("*")}


def show(name, figures, unit, limit):
    median = statistics.median(figures)
    missed = median > limit
    spread = f"{min(figures):.1f}..{max(figures):.1f}"
    print(f"{name:42} median {median:6.1f} {unit}  ({spread}; limit {limit}){'  MISSED' if missed else ''}")
    return missed


def main():
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/horde-refd")
    cold, warm = [], []
    moved = 0
    for round_ in range(RUNS + 1):
        with tempfile.TemporaryDirectory() as directory:
            mirror = os.path.join(directory, "mirror")
            first = run(binary, mirror)
            before = stamps(mirror)
            second = run(binary, mirror)
            moved += stamps(mirror) != before
            if round_:
                cold.append(first)
                warm.append(second)
    print(f"upstream {UPSTREAM}, load average {os.getloadavg()[0]:.1f}")
    missed = show("cold sync, user + system CPU", [cpu for cpu, _ in cold], "ms", 30)
    missed |= show("cold sync, peak resident memory", [peak for _, peak in cold], "MiB", 20)
    missed |= show("sync with nothing new, user + system CPU", [cpu for cpu, _ in warm], "ms", 10)
    print(f"{'syncs with nothing new that moved an mtime':42} {moved} of {RUNS + 1}")
    sys.exit(1 if missed or moved else 0)


main()
