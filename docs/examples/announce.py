#!/usr/bin/env python3
"""Announces a prefix for as long as it runs.

    process announce { run announce.py 192.0.2.53/32; encoder json; }

A helper says commands on its standard output, and reads answers and events on
its standard input. It has to read them: what it does not, is lost.
"""

import json
import signal
import sys


class Stop(Exception):
    pass


def stop(*_):
    raise Stop


def heard(line):
    """An event: one object a line."""
    event = json.loads(line)
    if event["type"] == "state":
        neighbor = event["neighbor"]
        print("neighbor", neighbor["address"]["peer"], "is", neighbor["state"], file=sys.stderr, flush=True)


def read():
    """The next line. When there are no more, the daemon is gone, and so are our routes."""
    line = sys.stdin.readline()
    if not line:
        sys.exit()
    return line.strip()


def say(command):
    """Says a command and waits for its answer. Events may come before it."""
    print(command, flush=True)
    while (line := read()) != "done":
        if line == "error":
            sys.exit("refused: " + command)
        if line.startswith("{"):
            heard(line)
        else:
            print(line, file=sys.stderr, flush=True)  # "error: why" comes before "error"


prefix = sys.argv[1]
signal.signal(signal.SIGTERM, stop)
try:
    say(f"announce route {prefix} next-hop self")
    while True:
        if (line := read()).startswith("{"):
            heard(line)
except Stop:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(f"withdraw route {prefix} next-hop self")
