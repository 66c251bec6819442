#!/usr/bin/env python3
"""Measures what a poll with nothing new costs: from another mirror, and from a real PRIMARY service.

    benches/upstreams.py BINARY [mirror] [primary] [--polls N] [--every SECONDS]      without a name: both

The mirror is made by BINARY from the real references below $HORDE_REFD_SHARED and served by a real nginx on loopback. The
PRIMARY is the service of horde_model_reference 8.6.2 with the same references, behind an nginx that compresses; the
environment that it runs in is $PRIMARY_VENV or ~/.cache/horde-refd-test/primary. Prints one line a figure, with its limit;
exits with 1 when one is missed. CPU is that of all threads, from /proc/PID/task/*/schedstat, and has the rest between two
polls in it.
"""

import argparse
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

import daemon
from daemon import Daemon, figure, until


def tree(mirror):
    """Everything that a write changes, of every published file and what is kept of them."""
    found = {}
    for path in sorted(mirror.rglob("*")):
        if path.parent.name == ".horde-refd" and path.name in ("state.json", "status.json"):
            continue
        if path.name == ".horde-refd":
            continue
        stat = path.lstat()
        found[str(path)] = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return found


def front(directory, url):
    """An nginx before a service, that compresses; returns it and its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    directory.mkdir()
    config = directory / "nginx.conf"
    temporary = "".join(f"{kind}_temp_path {directory}/{kind}; " for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config.write_text(f"""
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
events {{}}
http {{
  log_format short '$status $body_bytes_sent $request'; access_log {directory}/access.log short;
  {temporary}
  gzip on; gzip_proxied any; gzip_types application/json; gzip_min_length 256;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {url}; }} }}
}}
""")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    child = subprocess.Popen([program, "-c", config, "-p", directory, "-e", directory / "error.log"])

    def answers():
        try:
            return socket.create_connection(("127.0.0.1", port), 1)
        except OSError:
            return None

    until("nginx answers", answers).close()
    return child, f"http://127.0.0.1:{port}"


def polls(options, root, url, layout, access_log, limits):
    """Polls with nothing new by the schedule; prints what each of them costs."""
    requests_a_poll, milliseconds, answer = limits
    cron = f"*/{options.every} * * * * *"
    with Daemon(options.binary, root / "daemon", url, cron=cron, layout=layout) as running:
        until("the first polls", lambda: running.cycles() >= 4, pause=0.05)
        before, cycles = tree(running.mirror), running.cycles()
        seen, cpu = len(access_log.read_text().splitlines()), running.cpu()
        running.wait_cycles(cycles + options.polls, 0.05)
        made = running.cycles() - cycles
        cpu = running.cpu() - cpu
        lines = access_log.read_text().splitlines()[seen:]
        rss, anon = running.resident()
        states = {entry["state"] for entry in running.status()["categories"].values()}
        print(f"# {made} polls with nothing new, layout {layout}, load {os.getloadavg()[0]:.1f}, states {states}")
        figure("requests a poll", len(lines) / made, "", requests_a_poll)
        figure(f"answers other than {answer}", sum(not line.startswith(f"{answer} ") for line in lines), "", 0)
        figure("bytes of bodies a poll", sum(int(line.split()[1]) for line in lines) / made, "B", 0 if answer == 304 else None)
        figure("CPU of a poll, and of the rest until the next", cpu / made * 1000, "ms", milliseconds)
        figure("published files written", len(set(before.items()) ^ set(tree(running.mirror).items())), "", 0)
        figure(f"resident after {made + cycles} polls", rss, "MiB", 16)
        figure("of it anonymous", anon, "MiB")


def mirror(options, root):
    """From another mirror: one conditional request."""
    served = root / "served"
    subprocess.run(
        [options.binary, "sync", "-q", "--base-path", served, "--upstream", options.references, "--layout", "github"],
        check=True, stdout=subprocess.DEVNULL,
    )
    server, url = daemon.nginx(root / "nginx", served)
    try:
        polls(options, root, url, "mirror", root / "nginx/access.log", (1, 3, 304))
    finally:
        server.terminate()
        server.wait()


def primary(options, root):
    """From a PRIMARY service: fifteen whole bodies, compressed, that are what is published."""
    tools, data = options.shared / "tools/primary", root / "data"
    python = options.environment / "bin/python"
    subprocess.run(
        [python, tools / "seed_primary.py", data, options.shared / "corpus/expected", options.shared / "corpus/upstream",
         "--v2-only"], check=True, stdout=subprocess.DEVNULL,
    )
    environment = {**os.environ, "PRIMARY_VENV": str(options.environment), "HOME": str(root)}
    script = tools / "start_primary.sh"
    started = subprocess.run([script, data, "0"], check=True, capture_output=True, text=True, env=environment)
    server = None
    try:
        service = started.stdout.split()[1].removesuffix("/api")
        server, url = front(root / "nginx", service)
        polls(options, root, f"{url}/api", "primary", root / "nginx/access.log", (15, 15, 200))
    finally:
        if server:
            server.terminate()
            server.wait()
        subprocess.run([script, "--stop", data], check=True, env=environment)


def main():
    measures = {"mirror": mirror, "primary": primary}
    shared = pathlib.Path(os.environ.get("HORDE_REFD_SHARED", "../shared"))
    venv = os.environ.get("PRIMARY_VENV", pathlib.Path.home() / ".cache/horde-refd-test/primary")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("measures", nargs="*", choices=[[], *measures], help="which of them")
    parser.add_argument("--polls", type=int, default=100)
    parser.add_argument("--every", type=int, default=1, help="seconds between two polls")
    options = parser.parse_args()
    options.binary = options.binary.resolve()
    options.shared = shared.resolve()
    options.references = options.shared / "corpus/upstream"
    options.environment = pathlib.Path(venv).absolute()
    if not options.references.is_dir():
        parser.error(f"{options.references} is not there: set HORDE_REFD_SHARED")
    for name in options.measures or measures:
        if name == "primary" and not (options.environment / "bin/uvicorn").exists():
            parser.error(f"{options.environment} has no PRIMARY service: set PRIMARY_VENV")
        with tempfile.TemporaryDirectory(prefix="horde-refd-bench.") as directory:
            measures[name](options, pathlib.Path(directory))
    missed = daemon.missed
    print(f"{len(missed)} limits missed" + (": " + ", ".join(missed) if missed else ""))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
