#!/usr/bin/env python3
"""A primary with a replica, beside stock: CPU per SET, and what clients feel of a full synchronisation.

    benches/replicas.py [program]        default: target/release/basalt

Both primaries have core 0, one shard and the same stock replica, the client and the replicas core 1;
rounds alternate. CPU is that of all threads of the primary, until WAIT says that the replica has everything.
"""

import csv
import glob
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "target/release/basalt"
PRIMARIES = {"stock": ["redis-server"], "basalt": [PROGRAM, "--shards", "1"]}
SETTINGS = ["--save", "", "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb",
            "--enable-debug-command", "yes"]


class Node:
    def __init__(self, core, command):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = tempfile.mkdtemp(prefix="replicas")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command, "--port", str(self.port), "--dir", self.folder, *SETTINGS],
            stdout=subprocess.DEVNULL)
        while self.ask("PING") != "PONG":
            time.sleep(0.05)

    def ask(self, *words):
        asked = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True)
        return asked.stdout.strip()

    def cpu_ns(self):
        threads = glob.glob(f"/proc/{self.process.pid}/task/*/schedstat")
        return sum(int(open(thread).read().split()[0]) for thread in threads)

    def set(self, *options):
        return subprocess.Popen(
            ["taskset", "-c", "1", "redis-benchmark", "-p", str(self.port), "-t", "set", "-r", "100000",
             "-d", "64", *options], stdout=subprocess.PIPE, text=True)

    def is_linked(self):
        return "master_link_status:up" in self.ask("INFO", "replication")

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def cost(primary, pipeline, count, has_replica):
    before = primary.cpu_ns()
    primary.set("-P", str(pipeline), "-n", str(count), "-q").communicate()
    while has_replica and primary.ask("WAIT", "1", "5000") != "1":
        pass
    return (primary.cpu_ns() - before) / count


def costs():
    primaries = {name: Node(0, command) for name, command in PRIMARIES.items()}
    replicas = []
    for has_replica in (False, True):
        if has_replica:
            for primary in primaries.values():
                replica = Node(1, ["redis-server"])
                replica.ask("REPLICAOF", "127.0.0.1", str(primary.port))
                while not replica.is_linked():
                    time.sleep(0.05)
                replicas.append(replica)
            time.sleep(2)
        for pipeline, count in ((1, 40_000), (16, 300_000)):
            rounds = []
            for number in range(5):
                order = list(primaries) if number % 2 else list(reversed(primaries))
                rounds.append({name: cost(primaries[name], pipeline, count, has_replica) for name in order})
            ratios = sorted(one["basalt"] / one["stock"] for one in rounds)
            medians = {name: statistics.median(one[name] for one in rounds) for name in primaries}
            print(f"{'with a replica' if has_replica else 'alone'}, P {pipeline}: basalt/stock "
                  f"{ratios[2]:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), stock {medians['stock']:.0f} ns, "
                  f"basalt {medians['basalt']:.0f} ns", flush=True)
    for node in [*primaries.values(), *replicas]:
        node.end()


def synchronisation():
    for _ in range(3):
        for name, command in PRIMARIES.items():
            primary, replica = Node(0, command), Node(1, ["redis-server"])
            primary.ask("DEBUG", "POPULATE", "1000000", "key", "100")
            client = primary.set("-c", "4", "-n", "150000", "--csv")
            time.sleep(0.5)
            start = time.time()
            replica.ask("REPLICAOF", "127.0.0.1", str(primary.port))
            row = next(csv.reader([client.communicate()[0].strip().split("\n")[-1]]))
            while not replica.is_linked():
                time.sleep(0.05)
            print(f"full synchronisation, {name}: {row[1]} SET/s, p99 {row[6]} ms, longest {row[7]} ms, "
                  f"linked after {time.time() - start:.1f} s", flush=True)
            primary.end()
            replica.end()


costs()
synchronisation()
