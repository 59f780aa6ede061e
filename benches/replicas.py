#!/usr/bin/env python3
"""A primary with a replica, beside stock: CPU per SET, and what clients feel of a full synchronisation.

    benches/replicas.py [program] [part ...]        default: target/release/basalt, costs and synchronisation

costs: CPU per SET. synchronisation: of 1 M keys, beside writers. loop: 90 s of SETs of 500 bytes, 400 clients, pipelines
of 50, with a replica of the same program (redis#15447). limits: a stock replica that comes under full load, with output limits of
16 and 8 MiB. frozen: a replica that is stopped for 60 s under full load. apply: what a replica of 1, 2 and 4 shards, and a stock one,
takes to apply 1.5 M SETs that its primary has for it, with the share of each thread: the busiest says how fast it can be.
full: of 5 M keys of 64 bytes under full write load, by primaries and replicas of both kinds, and what each of them takes of the processor.

Both primaries have core 0, one shard and the same stock replica, the client and the replicas core 1;
rounds alternate. CPU is that of all threads of the primary, until WAIT says that the replica has everything.
"""

import csv
import glob
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PARTS = ("costs", "synchronisation", "loop", "limits", "frozen", "apply", "full")
ASKED = [word for word in sys.argv[1:] if word in PARTS] or ["costs", "synchronisation"]
PROGRAM = next((word for word in sys.argv[1:] if word not in PARTS), "target/release/basalt")
if not shutil.which(PROGRAM):
    sys.exit(f"{PROGRAM} is neither a program nor one of {', '.join(PARTS)}")
# What is started ends with this program, also when that is killed.
MORTAL = ["setpriv", "--pdeathsig", "KILL"]
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
            [*MORTAL, "taskset", "-c", str(core), *command, "--port", str(self.port), "--dir", self.folder, *SETTINGS],
            stdout=subprocess.DEVNULL)
        while self.ask("PING") != "PONG":
            time.sleep(0.05)

    def ask(self, *words):
        asked = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True)
        return asked.stdout.strip()

    def cpu_ns(self):
        threads = glob.glob(f"/proc/{self.process.pid}/task/*/schedstat")
        return sum(int(open(thread).read().split()[0]) for thread in threads)

    def cpu_by_thread(self):
        """Nanoseconds by the thread's name and number."""
        spent = {}
        for thread in glob.glob(f"/proc/{self.process.pid}/task/*"):
            name = open(f"{thread}/comm").read().strip()
            spent[name, thread.split("/")[-1]] = int(open(f"{thread}/schedstat").read().split()[0])
        return spent

    def set(self, *options):
        return subprocess.Popen(
            [*MORTAL, "taskset", "-c", "1", "redis-benchmark", "-p", str(self.port), "-t", "set", "-r", "100000",
             "-d", "64", *options], stdout=subprocess.PIPE, text=True)

    def pss_mib(self):
        """Of the process and its children."""
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()
        mib = 0
        for process in [str(self.process.pid), *children]:
            try:
                rollup = open(f"/proc/{process}/smaps_rollup").read()
                mib += int(rollup.split("\nPss:")[1].split()[0]) >> 10
            except (FileNotFoundError, ProcessLookupError):
                pass
        return mib

    def told(self, field):
        lines = self.ask("INFO", "everything").splitlines()
        return next((line.split(":")[1] for line in lines if line.startswith(field + ":")), "0")

    def rss_mib(self):
        return int(self.told("used_memory_rss")) >> 20

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



def linked(command):
    primary, replica = Node(0, command), Node(1, command)
    replica.ask("REPLICAOF", "127.0.0.1", str(primary.port))
    while not replica.is_linked():
        time.sleep(0.05)
    return primary, replica


def settle(primary, replica):
    """Waits until the replica has everything; how long that took."""
    start = time.time()
    while time.time() - start < 300:
        if replica.is_linked() and replica.told("slave_repl_offset") == primary.told("master_repl_offset"):
            return f"{time.time() - start:.1f} s"
        time.sleep(0.2)
    return "not in 300 s"


def loop():
    for name, command in PRIMARIES.items():
        primary, replica = linked(command)
        client = subprocess.Popen(
            [*MORTAL, "taskset", "-c", "1", "redis-benchmark", "-p", str(primary.port), "-t", "set", "-r", "1000000", "-d", "500",
             "-P", "50", "-c", "400", "-n", "1000000000", "-q"], stdout=subprocess.DEVNULL)
        time.sleep(90)
        sets, rss = int(primary.told("total_commands_processed")), primary.rss_mib()
        client.kill()
        client.wait()
        settled = settle(primary, replica)
        print(f"loop, {name}: {sets / 90:.0f} SET/s, {primary.told('sync_full')} full synchronisations, "
              f"{primary.told('sync_partial_ok')} partial, primary {rss} MiB at the end, replica has everything after {settled}",
              flush=True)
        primary.end()
        replica.end()


def limits():
    for name, command in PRIMARIES.items():
        primary, replica = Node(0, command), Node(1, ["redis-server"])
        primary.ask("CONFIG", "SET", "client-output-buffer-limit", "replica 16mb 8mb 5")
        primary.ask("CONFIG", "SET", "repl-backlog-size", "1mb")
        primary.ask("DEBUG", "POPULATE", "1000000", "key", "100")
        client = primary.set("-P", "16", "-n", "1000000000", "-q")
        time.sleep(1)
        replica.ask("REPLICAOF", "127.0.0.1", str(primary.port))
        sets = int(primary.told("total_commands_processed"))
        time.sleep(30)
        rate = (int(primary.told("total_commands_processed")) - sets) / 30
        client.kill()
        client.wait()
        settled = settle(primary, replica)
        print(f"limits, {name}: {rate:.0f} SET/s, {primary.told('sync_full')} full synchronisations, "
              f"{primary.rss_mib()} MiB, replica has everything after {settled}", flush=True)
        primary.end()
        replica.end()


def frozen():
    for name, command in PRIMARIES.items():
        primary, replica = linked(command)
        client = primary.set("-P", "16", "-n", "1000000000", "-q")
        rates, rss = {}, {}
        for part, seconds in (("before", 20), ("frozen", 60), ("after", 20)):
            if part == "frozen":
                replica.process.send_signal(signal.SIGSTOP)
            if part == "after":
                replica.process.send_signal(signal.SIGCONT)
            sets, start = int(primary.told("total_commands_processed")), time.time()
            time.sleep(seconds)
            rates[part] = (int(primary.told("total_commands_processed")) - sets) / (time.time() - start)
            rss[part] = primary.rss_mib()
        client.kill()
        client.wait()
        settled = settle(primary, replica)
        told = ", ".join(f"{part} {rates[part]:.0f} SET/s {rss[part]} MiB" for part in rates)
        print(f"frozen, {name}: {told}; {primary.told('sync_full')} full synchronisations, "
              f"{primary.told('sync_partial_ok')} partial, replica has everything after {settled}", flush=True)
        primary.end()
        replica.end()


def apply():
    """The primary writes while its replica is stopped, and then the replica alone has something to do."""
    replicas = {"stock": ["redis-server"]}
    replicas |= {f"{shards} shards": [PROGRAM, "--shards", str(shards)] for shards in (1, 2, 4)}
    count = 1_500_000
    for _ in range(3):
        for name, command in replicas.items():
            primary = Node(0, PRIMARIES["basalt"])
            primary.ask("CONFIG", "SET", "repl-backlog-size", "1gb")
            primary.ask("CONFIG", "SET", "client-output-buffer-limit", "replica 0 0 0")
            replica = Node("0,1", command)
            replica.ask("REPLICAOF", "127.0.0.1", str(primary.port))
            while not replica.is_linked():
                time.sleep(0.05)
            settle(primary, replica)
            replica.process.send_signal(signal.SIGSTOP)
            primary.set("-P", "64", "-n", str(count), "-r", "1000000", "-q").communicate()
            end, before = int(primary.told("master_repl_offset")), replica.cpu_by_thread()
            start = time.time()
            replica.process.send_signal(signal.SIGCONT)
            while int(replica.told("slave_repl_offset")) < end:
                time.sleep(0.02)
            seconds = time.time() - start
            spent = {thread: ns - before.get(thread, 0) for thread, ns in replica.cpu_by_thread().items()}
            parts = sorted(((ns / count, thread[0]) for thread, ns in spent.items() if ns > 10 * count), reverse=True)
            told = ", ".join(f"{thread} {ns:.0f}" for ns, thread in parts)
            print(f"apply, {name}: {seconds:.2f} s, {sum(spent.values()) / count:.0f} ns per SET ({told}), "
                  f"at most {1000 / parts[0][0]:.1f} M/s", flush=True)
            primary.end()
            replica.end()


def full():
    basalt = [PROGRAM, "--shards", "1"]
    pairs = {"stock to stock": (["redis-server"],) * 2, "basalt to stock": (basalt, ["redis-server"]),
             "basalt to basalt": (basalt, basalt)}
    for number in range(3):
        for name in list(pairs) if number % 2 else reversed(pairs):
            primary, replica = (Node(core, command) for core, command in enumerate(pairs[name]))
            for node in (primary, replica):
                # As it comes: its memory is to be seen beside the data.
                node.ask("CONFIG", "SET", "repl-backlog-size", "1mb")
            # The keys that the writer writes: else the data would grow.
            primary.set("-P", "64", "-n", "15000000", "-r", "5000000", "-q").communicate()
            writer = primary.set("-P", "16", "-c", "16", "-n", "1000000000", "-r", "5000000", "-q")
            time.sleep(2)
            sets, start = int(primary.told("total_commands_processed")), time.time()
            time.sleep(5)
            alone = (int(primary.told("total_commands_processed")) - sets) / (time.time() - start)
            pss, peak = primary.pss_mib(), 0
            sets, cpu, start = int(primary.told("total_commands_processed")), replica.cpu_ns(), time.time()
            replica.ask("REPLICAOF", "127.0.0.1", str(primary.port))
            while not replica.is_linked() and time.time() - start < 180:
                peak = max(peak, primary.pss_mib())
                time.sleep(0.1)
            seconds = time.time() - start
            rate = (int(primary.told("total_commands_processed")) - sets) / seconds
            writer.kill()
            writer.wait()
            settled = settle(primary, replica)
            print(f"full, {name}: linked after {seconds:.1f} s, {rate:.0f} SET/s meanwhile ({alone:.0f} before), "
                  f"{pss} MiB and {peak} at most, replica's CPU {(replica.cpu_ns() - cpu) / 1e9:.1f} s, "
                  f"{primary.told('sync_full')} full, everything after {settled} more", flush=True)
            primary.end()
            replica.end()


for part in ASKED:
    globals()[part]()
