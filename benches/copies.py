#!/usr/bin/env python3
"""How long it takes to make a large value out of another, and to load one.

    taskset -c 1 nice -n -10 python3 benches/copies.py TYPES ELEMENTS SERVER...

TYPES are some of zset,hash,set. Each SERVER is a program: target/release/basalt, or stock's redis-server; they take
turns, one at a time, on core 0. A value of ELEMENTS is built in an order that is not that of its scores. Milliseconds on
the clock until the reply, less what the kernel says the server waited for a core; MiB of used_memory that a command added,
and of the value as its commands built it. Loading is DEBUG RELOAD NOSAVE of a file with this value alone, into nothing.
"""
import os, re, shutil, socket, subprocess, sys, tempfile, time

BUILD = {
    "zset": "redis.call('ZADD', KEYS[1], i * 7919 % n, 'member:' .. i)",
    "hash": "redis.call('HSET', KEYS[1], 'field:' .. i, 'value:' .. i)",
    "set": "redis.call('SADD', KEYS[1], 'member:' .. i)",
}
STEPS = {
    "zset": [
        "COPY k c",
        "ZUNIONSTORE c 1 k",
        "ZUNIONSTORE c 2 k other",
        "ZRANGESTORE c k 0 -1",
        "ZRANGESTORE c k -inf +inf BYSCORE",
    ],
    "hash": ["COPY k c"],
    "set": ["COPY k c", "SUNIONSTORE c k", "SUNIONSTORE c k other", "SDIFFSTORE c k", "SINTERSTORE c k k"],
}
AT_ONCE = 20_000


class Client:
    def __init__(self, port, pid):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")
        self.pid = pid

    def ask(self, *words):
        out = b"*%d\r\n" % len(words)
        for word in words:
            word = str(word).encode()
            out += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(out)
        line = self.input.readline().rstrip()
        if line[:1] == b"-" or not line:
            raise SystemExit(f"{words[0]}: {line.decode()}")
        if line[:1] == b"$":
            return self.input.read(int(line[1:]) + 2)[:-2]
        return line

    def tasks(self):
        """Of each thread: how long it ran, and waited for a core, in nanoseconds."""
        tasks = f"/proc/{self.pid}/task"
        return {one: [int(number) for number in open(f"{tasks}/{one}/schedstat").read().split()[:2]] for one in os.listdir(tasks)}

    def timed(self, *words):
        before, began = self.tasks(), time.perf_counter()
        answer = self.ask(*words)
        took, after = time.perf_counter() - began, self.tasks()
        # What the thread waited that did the work.
        more = [[now - then for now, then in zip(after[one], before[one])] for one in before.keys() & after.keys()]
        return answer, took * 1e3, took * 1e3 - max(more)[1] / 1e6

    def used(self):
        return int(re.search(rb"used_memory:(\d+)", self.ask("INFO", "memory")).group(1)) / (1 << 20)

    def settled(self):
        """used_memory when what was deleted is freed."""
        seen = []
        while len(seen) < 4 or max(seen[-4:]) - min(seen[-4:]) > 0.1:
            time.sleep(0.3)
            seen.append(self.used())
        return seen[-1]


def fill(client, kind, key, first, count, of):
    script = f"local n = tonumber(ARGV[3]) for i = ARGV[1], ARGV[2] do {BUILD[kind]} end"
    for start in range(first, first + count, AT_ONCE):
        last = min(start + AT_ONCE, first + count) - 1
        client.ask("EVAL", script + " return 1", 1, key, start, last, of)


def told(name, answer, clock, net, added):
    print(f"  {name:36} {answer.decode():12} {net:10.1f} ms ({clock:.0f} on the clock) {added:8.1f} MiB", flush=True)


def live(server, kind, elements):
    place = tempfile.mkdtemp(prefix="copies-")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["taskset", "-c", "0", os.path.abspath(server), "--port", str(port), "--dir", place, "--save", ""]
    words += ["--enable-debug-command", "yes"]
    if "basalt" in os.path.basename(server):
        words += ["--shards", "1"]
    log = open(os.path.join(place, "log"), "w")
    process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        for _ in range(100):
            try:
                client = Client(port, process.pid)
                break
            except OSError:
                time.sleep(0.05)
        empty = client.settled()
        began = time.perf_counter()
        fill(client, kind, "k", 0, elements, elements)
        built = client.settled()
        print(f"{server} {kind} of {elements}: {built - empty:.1f} MiB, built in {time.perf_counter() - began:.1f} s", flush=True)
        if any("other" in step for step in STEPS[kind]):
            # A tenth, of which half is in the other, too.
            fill(client, kind, "other", elements - elements // 20, elements // 10, elements)
        rest = client.settled()
        for step in STEPS[kind]:
            answer, clock, net = client.timed(*step.split())
            told(step, answer, clock, net, client.used() - rest)
            client.ask("UNLINK", "c")
            client.settled()
        client.ask("UNLINK", "other")
        client.settled()
        client.ask("SAVE")
        client.ask("FLUSHALL", "ASYNC")
        rest = client.settled()
        answer, clock, net = client.timed("DEBUG", "RELOAD", "NOSAVE")
        told("load", answer, clock, net, client.settled() - rest)
        length = {"zset": "ZCARD", "hash": "HLEN", "set": "SCARD"}[kind]
        if client.ask(length, "k") != b":%d" % elements:
            raise SystemExit("not all of it was loaded")
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(place)


def main():
    kinds, elements, servers = sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3:]
    print(time.strftime("%Y-%m-%d %H:%M"), "load", *os.getloadavg(), flush=True)
    for kind in kinds:
        for server in servers:
            live(server, kind, elements)


main()
