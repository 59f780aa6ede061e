#!/usr/bin/env python3
"""How long a client waits while a BGSAVE comes upon one large value.

    taskset -c 1 nice -n -20 python3 benches/large.py SERVER TYPE [ELEMENTS] [SECONDS]

SERVER is a program: target/release/basalt, or stock's redis-server. It is run on core 0, with all it
starts, and writes its file into a directory of its own. TYPE is hash, zset, set, list, stream, pending (a
stream whose entries are all pending in a group) or string (ELEMENTS are bytes then). One client, which waits for each answer, changes the value at a random place and sends PING, by
turns, for SECONDS; then it asks for BGSAVE and goes on until the file is written. Milliseconds, and what the
server and its children hold (Pss) before and at most.
"""
import gc, os, random, shutil, socket, subprocess, sys, tempfile, time


def encode(*words):
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(out)


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def line(self):
        while b"\r\n" not in self.buffer:
            got = self.socket.recv(1 << 16)
            if not got:
                raise SystemExit("the server has gone")
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def answer(self):
        line = self.line()
        if line[:1] == b"$" and line != b"$-1":
            length = int(line[1:])
            while len(self.buffer) < length + 2:
                self.buffer += self.socket.recv(1 << 16)
            text, self.buffer = self.buffer[:length], self.buffer[length + 2:]
            return text
        if line[:1] == b"-":
            raise SystemExit(line.decode())
        return line

    def ask(self, *words):
        self.socket.sendall(encode(*words))
        return self.answer()

    def info(self, name):
        for line in self.ask("INFO", "persistence").split(b"\r\n"):
            if line.startswith(name.encode() + b":"):
                return line.split(b":", 1)[1].decode()


def fill(client, kind, elements):
    if kind == "string":
        part = 1 << 20
        text = random.randbytes(part)
        for at in range(0, elements, part):
            client.ask("SETRANGE", "big", at, text)
        return
    row = {
        "hash": lambda n: ("HSET", "big", f"field:{n}", f"value:{n:026}"),
        "zset": lambda n: ("ZADD", "big", n, f"member:{n}"),
        "set": lambda n: ("SADD", "big", f"member:{n}"),
        "list": lambda n: ("RPUSH", "big", f"element:{n}"),
        "stream": lambda n: ("XADD", "big", "*", "field", f"value:{n}"),
        "pending": lambda n: ("XADD", "big", "*", "field", f"value:{n}"),
    }[kind]
    for start in range(0, elements, 500):
        rows = range(start, min(start + 500, elements))
        client.socket.sendall(b"".join(encode(*row(n)) for n in rows))
        for _ in rows:
            client.answer()
    if kind == "pending":
        client.ask("XGROUP", "CREATE", "big", "group", "0")
        for _ in range(0, elements, 500):
            # Not its answer, which is long, but the next one.
            script = "redis.call('XREADGROUP', 'GROUP', 'group', 'one', 'COUNT', '500', 'STREAMS', 'big', '>')"
            client.ask("EVAL", script, "1", "big")


def change(kind, elements):
    n = random.randrange(elements)
    return {
        "hash": lambda: ("HSET", "big", f"field:{n}", f"other:{n}"),
        "zset": lambda: ("ZADD", "big", random.randrange(elements), f"member:{n}"),
        "set": lambda: (random.choice(("SADD", "SREM")), "big", f"member:{n}"),
        "list": lambda: random.choice(
            [("LSET", "big", n, f"other:{n}"), ("RPUSH", "big", "x"), ("LPUSH", "big", "x")]
        ),
        "stream": lambda: ("XADD", "big", "*", "field", "other"),
        "pending": lambda: ("XADD", "big", "*", "field", "other"),
        "string": lambda: ("SETRANGE", "big", n, b"other"),
    }[kind]()


def held(pid):
    """MiB of a process and its children, shared pages counted once."""
    pids = [pid]
    try:
        children = open(f"/proc/{pid}/task/{pid}/children").read().split()
        pids += [int(child) for child in children]
    except OSError:
        pass
    total = 0
    for one in pids:
        try:
            for line in open(f"/proc/{one}/smaps_rollup"):
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def probe(client, kind, elements, goes_on):
    took = []
    while goes_on(len(took)):
        for words in (change(kind, elements), ("PING",)):
            request = encode(*words)
            began = time.perf_counter()
            client.socket.sendall(request)
            client.answer()
            took.append((time.perf_counter() - began) * 1000)
    return took


def told(name, took):
    took = sorted(took)
    at = lambda part: took[min(len(took) - 1, int(len(took) * part))]
    print(
        f"  {name:7} {len(took):7} answers  p50 {at(.5):.3f}  p99 {at(.99):.3f}"
        f"  p99.9 {at(.999):.3f}  max {took[-1]:.2f}", flush=True
    )
    return at(.999), took[-1]


def main():
    server, kind = sys.argv[1:3]
    usual = 512 << 20 if kind == "string" else 1_000_000
    elements = int(sys.argv[3]) if len(sys.argv) > 3 else usual
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 3
    server = os.path.abspath(server)
    place = tempfile.mkdtemp(prefix="large-")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["taskset", "-c", "0", server, "--port", str(port), "--dir", place, "--save", ""]
    if "basalt" in os.path.basename(server):
        words += ["--shards", "1"]
    log = open(os.path.join(place, "log"), "w")
    process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        for _ in range(100):
            try:
                client = Client(port)
                break
            except OSError:
                time.sleep(0.05)
        random.seed(1)
        fill(client, kind, elements)
        gc.disable()
        time.sleep(2)
        print(f"{os.path.basename(server)} {kind} of {elements}", flush=True)
        end = time.perf_counter() + seconds
        before = told("before", probe(client, kind, elements, lambda _: time.perf_counter() < end))
        rest = most = held(process.pid)

        def goes_on(answers):
            nonlocal most
            if answers % 1000 != 0:
                return True
            most = max(most, held(process.pid))
            return client.info("rdb_bgsave_in_progress") == "1"

        began, asked_at = time.perf_counter(), time.time()
        client.ask("BGSAVE")
        asked = (time.perf_counter() - began) * 1000
        during = told("during", [asked] + probe(client, kind, elements, goes_on))
        status = client.info("rdb_last_bgsave_status")
        # The file got its name then; who asks between answers hears of it later.
        file = os.stat(os.path.join(place, "dump.rdb"))
        took = file.st_ctime - asked_at
        print(
            f"  p99.9 {during[0] / before[0]:.2f} times, saved in {took:.3f} s ({status}, {file.st_size >> 20} MiB),"
            f" {rest:.0f} MiB held, {100 * (most - rest) / rest:+.1f} % at most", flush=True
        )
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(place)


main()
