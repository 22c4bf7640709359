#!/usr/bin/env python3
"""decrypt.py - does a capture of the network open with the secrets of TLS that `keys` finds?

    decrypt.py ENGRAM IMAGE TRUTH

TRUTH is the folder of what the guest said: tls.pcap, and key logs (keys/*.keylog) that the programs
wrote themselves. tshark decrypts the capture with these and with the key log of `keys --export`;
what it reads of each connection that was still open at the end must be the same. Of each secret whose connection is in the
capture, `keys --pcap` must say that it decrypts a record. Needs tshark."""
import json
import re
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def streams(capture, filtered):
    out = subprocess.run(["tshark", "-r", capture, "-Y", filtered, "-T", "fields",
                          "-e", "tcp.stream"], check=True, capture_output=True, text=True).stdout
    return sorted({int(line) for line in out.split()})


def plain(capture, log, numbers):
    """What tshark reads of each connection, in hex, both ways."""
    args = ["tshark", "-r", capture, "-o", f"tls.keylog_file:{log}", "-q"]
    for n in numbers:
        args += ["-z", f"follow,tls,raw,{n}"]
    texts = {}
    for line in subprocess.run(args, check=True, capture_output=True,
                               text=True).stdout.splitlines():
        if line.startswith("Filter: tcp.stream eq "):
            current = texts.setdefault(int(line.split()[-1]), [])
        elif line.strip() and not set(line.strip()) - set("0123456789abcdef"):
            current.append(line)
    return texts


def lines(paths):
    return {line for path in paths for line in path.read_text().splitlines()
            if line and line[0] != "#"}


def main():
    engram, image, truth = sys.argv[1:]
    capture = Path(truth, "tls.pcap")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run([engram, "-r", "jsonl", image, "keys", "--show", "--pcap", capture,
                              "--export", f"{folder}/export"],
                             check=True, capture_output=True, text=True).stdout
        ours = Path(folder, "export/keys/tls/keylog.txt")
        said = lines(Path(truth, "keys").glob("*.keylog"))
        theirs = Path(folder, "said")
        theirs.write_text("\n".join(sorted(said)) + "\n")
        numbers = streams(capture, "tls")
        closed = streams(capture, "tcp.flags.fin == 1 || tcp.flags.reset == 1")
        want, have = plain(capture, theirs, numbers), plain(capture, ours, numbers)
        for n in numbers:
            same = want.get(n) == have.get(n)
            bad += not same and n not in closed
            print(f"connection {n}{' (closed)' if n in closed else ''}:"
                  f" {len(want.get(n, []))} pieces with the programs' key logs,"
                  f" {len(have.get(n, []))} with ours{'' if same else ': NOT the same'}")
        found = lines([ours])
        print(f"key log: {len(found & said)} of {len(said)} lines, {len(found - said)} others")
        rows = [json.loads(line) for line in out.splitlines()]
        rows = [r.get("row", r) for r in rows]
        rows = [r for r in rows if r.get("KIND") in ("TLS 1.2", "TLS 1.3")]
        # The guest has connections that are in no capture, such as those of OpenVPN.
        randoms = {line.split()[1] for line in said}
        rows = [r for r in rows if (random := re.match("client random ([0-9a-f]+)", r["HINTS"] or "")) and random[1] in randoms]
        # The exporter's secret encrypts nothing; of CBC, no record proves a key.
        for r in rows:
            if (r["PURPOSE"] == "EXPORTER_SECRET" or "CBC" in (r["ALGORITHM"] or "") or
                    "decrypts a record" in (r["VERIFIED"] or "")):
                continue
            bad += 1
            print("does not decrypt the capture:", r["NAME"], r["PURPOSE"], r["ALGORITHM"],
                  r["VERIFIED"])
        print(f"{len(rows)} secrets,"
              f" {sum('decrypts a record' in (r['VERIFIED'] or '') for r in rows)} decrypt a record")
    return bad > 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    os.umask(0o077)
    sys.exit(main())
