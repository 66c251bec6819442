#!/usr/bin/env python3
"""Measures the shipped nginx sites on loopback, and computes from the bytes what a fleet costs.

    benches/fleet.py BINARY [--seconds N]

Needs nginx, curl and wrk. The mirror is made by BINARY from the real references below $HORDE_REFD_SHARED, else from the
sample. Prints Markdown: requests per second and bytes for answers of 304 and for compressed bodies, then the tables of
requests and bytes for 1,000 and 100,000 hosts. The load of the machine is printed with them.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
DAY = 86_400
CATEGORIES = ("blip clip codeformer controlnet controlnet_annotator esrgan gfpgan safety_checker image_generation "
              "text_generation video_generation audio_generation miscellaneous lora ti").split()


def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(scratch, mirror):
    """Both sites in one nginx; returns the process and their URLs."""
    sites, urls = "", []
    for name, shipped in (("mirror", 8099), ("primary", 8098)):
        chosen = port()
        text = (REPOSITORY / f"packaging/nginx/horde-refd-{name}.conf").read_text()
        text = text.replace(f"listen {shipped};", f"listen 127.0.0.1:{chosen};")
        sites += text.replace("root /var/lib/horde-refd/horde_model_reference;", f"root {mirror};")
        urls.append(f"http://127.0.0.1:{chosen}")
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(f"{kind}_temp_path {scratch}/{kind}; "
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (scratch / "nginx.conf").write_text(
        f"daemon off; {user} worker_processes auto; pid {scratch}/pid; error_log {scratch}/error.log;\n"
        f"events {{ worker_connections 1024; }}\nhttp {{ access_log off; {temporary}\n{sites} }}\n")
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    server = subprocess.Popen([nginx, "-c", str(scratch / "nginx.conf"), "-e", str(scratch / "error.log")])
    for url in urls:
        end = time.monotonic() + 30
        while subprocess.run(["curl", "-so", "/dev/null", url], check=False).returncode:
            if time.monotonic() > end:
                raise SystemExit(f"nginx does not answer at {url}")
            time.sleep(0.05)
    return server, urls


def cost(url, *headers):
    """(status, bytes of the answer with its head, bytes of the request, ETag) of one request."""
    command = ["curl", "-sS", "-o", "/dev/null", "-D", "-", "-w", "\n%{http_code} %{size_header} %{size_download} %{size_request}"]
    for header in headers:
        command += ["-H", header]
    said = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    status, head, body, request = map(int, said.splitlines()[-1].split())
    etag = re.search(r"(?im)^etag: (.*?)\r?$", said)
    return status, head + body, request, etag and etag[1]


def rate(url, seconds, *headers):
    """Requests a second by wrk."""
    command = ["wrk", "-t2", "-c16", "--timeout", "30s", f"-d{seconds}s"]
    for header in headers:
        command += ["-H", header]
    said = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    if "Socket errors" in said:
        raise SystemExit(said)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


def amount(value):
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} PB"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    shared = os.environ.get("HORDE_REFD_SHARED")
    upstream = pathlib.Path(shared, "corpus/upstream") if shared else REPOSITORY / "tests/fixtures/upstream"
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        mirror = scratch / "horde_model_reference"
        subprocess.run([options.binary, "sync", "-q", "--base-path", mirror, "--upstream", upstream, "--layout", "github"],
                       check=True)
        server, (files, primary) = serve(scratch, mirror)
        try:
            measure(options, files, primary)
        finally:
            server.terminate()
            server.wait()


def measure(options, files, primary):
    api = f"{primary}/api/model_references/v2"
    packed = "Accept-Encoding: gzip"
    print(f"load of the machine: {os.getloadavg()[0]:.1f}\n\n| request | answer | requests a second | bytes of an answer |\n| --- | --- | --- | --- |")
    for url in (f"{files}/manifest.json", f"{files}/stable_diffusion.json", f"{files}/text_generation.json"):
        _, _, _, etag = cost(url, packed)
        for answer, headers in (("304", (packed, f"If-None-Match: {etag}")), ("200, gzip", (packed,))):
            status, total, _, _ = cost(url, *headers)
            assert str(status) == answer[:3], (url, status)
            print(f"| `/{url.rsplit('/', 1)[1]}` | {answer} | {rate(url, options.seconds, *headers):,.0f} | {total:,} |")

    def poll(urls):
        """What a poll with nothing new moves."""
        total = 0
        for url in urls:
            etag = cost(url, packed)[3]
            status, answer, asked, _ = cost(url, packed, f"If-None-Match: {etag}")
            assert status == 304, (url, status)
            total += answer + asked
        return len(urls), total

    def bodies(urls, *headers):
        parts = [cost(url, *headers) for url in urls]
        return len(urls), sum(answer + asked for _, answer, asked, _ in parts)

    legacy = [f"{files}/legacy/{name}" for name in
              ("blip.json clip.json codeformer.json controlnet.json esrgan.json gfpgan.json safety_checker.json "
               "stable_diffusion.json models.csv miscellaneous.json").split()]
    v2 = [f"{api}/{category}" for category in CATEGORIES]
    rows = [
        ("leaf daemon, layout `mirror`, every 15 min", *poll([f"{files}/manifest.json"]), 96),
        ("leaf daemon, layout `flat`, every 15 min", *poll(legacy), 96),
        ("replica (Python), one refresh an hour", *bodies(v2, packed), 24),
        ("replica (Python), in use all day: every 60 s", *bodies(v2, packed), 1440),
    ]
    print("\n| a host | requests a poll | bytes a poll | bytes a day |\n| --- | --- | --- | --- |")
    for name, requests, moved, polls in rows:
        print(f"| {name} | {requests} | {amount(moved)} | {amount(moved * polls)} |")
    for hosts in (1_000, 100_000):
        print(f"\n| {hosts:,} hosts | requests a second | bits a second | bytes a day |\n| --- | --- | --- | --- |")
        for name, requests, moved, polls in rows:
            a_day = hosts * polls
            print(f"| {name} | {a_day * requests / DAY:,.1f} | {amount(a_day * moved * 8 / DAY)[:-1]}bit/s | {amount(a_day * moved)} |")
    changed = bodies([f"{files}/text_generation.json", f"{files}/legacy/models.csv"], packed)[1]
    print(f"\nA change of the text models, once a host (v2 and legacy, gzip): {amount(changed)};"
          f" 1,000 hosts {amount(changed * 1_000)}, 100,000 hosts {amount(changed * 100_000)}.")


main()
