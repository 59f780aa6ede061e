"""A session of redis-py; the argument is the port."""

import os
import sys
import threading
import time

import redis

port = int(sys.argv[1])


def check(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def strings(r):
    check(r.set("k", "v"), True)
    check(r.get("k"), b"v")
    check(r.set("k", "w", nx=True), None)
    check(r.set("k", "w", get=True), b"v")
    check(r.incr("n", 5), 5)
    check(r.incrbyfloat("f", 1.5), 1.5)
    check(r.append("k", "x"), 2)
    check(r.setrange("k", 1, "yz"), 3)
    check(r.getrange("k", 0, -1), b"wyz")
    check(r.mset({"a": 1, "b": 2, "c": 3}), True)
    check(r.mget("a", "b", "c", "none"), [b"1", b"2", b"3", None])
    check(r.msetnx({"a": 1, "d": 2}), False)
    check(r.exists("a", "b", "d"), 2)
    check(r.delete("a", "b", "c"), 3)
    check(r.getdel("k"), b"wyz")
    check(r.setbit("bits", 7, 1), 0)
    check(r.bitcount("bits"), 1)
    check(r.bitfield("bits").get("u8", 0).execute(), [1])
    check(r.pfadd("hll", *range(100)), 1)
    assert 97 <= r.pfcount("hll") <= 103
    try:
        r.set("k", "v")
        r.incr("k")
        raise AssertionError("no error")
    except redis.ResponseError as error:
        check(str(error), "value is not an integer or out of range")


def binary(r):
    every_byte = bytes(range(256)) * 3
    check(r.set(every_byte, every_byte), True)
    check(r.get(every_byte), every_byte)
    check(r.echo(b"\r\n$5\r\n"), b"\r\n$5\r\n")
    giant = os.urandom(1024) * 10240
    check(r.set("giant", giant), True)
    assert r.get("giant") == giant, "10 MB come back changed"
    check(r.strlen("giant"), len(giant))
    check(r.getrange("giant", 5_000_000, 5_000_009), giant[5_000_000:5_000_010])


def pipelines(r):
    with r.pipeline(transaction=False) as p:
        for n in range(5000):
            p.set(f"p:{n}", n)
            p.get(f"p:{n}")
            p.incr("total")
        replies = p.execute()
    check(len(replies), 15000)
    check(replies[1::3], [b"%d" % n for n in range(5000)])
    check(replies[2::3], list(range(1, 5001)))
    with r.pipeline(transaction=False) as p:
        p.set("text", "x")
        p.incr("text")
        p.get("text")
        replies = p.execute(raise_on_error=False)
    check(replies[0], True)
    assert isinstance(replies[1], redis.ResponseError)
    check(replies[2], b"x")


def expiry(r):
    check(r.set("e", "v", ex=100), True)
    assert 99 <= r.ttl("e") <= 100
    check(r.persist("e"), True)
    check(r.ttl("e"), -1)
    check(r.expire("e", 50, nx=True), True)
    check(r.expire("e", 10, gt=True), False)
    check(r.set("short", "v", px=30), True)
    deadline = time.monotonic() + 5
    while r.exists("short"):
        assert time.monotonic() < deadline, "the key stays"
    check(r.get("short"), None)


def scanning(r):
    r.flushall()
    names = {b"s:%d" % n for n in range(3000)}
    with r.pipeline(transaction=False) as p:
        for name in names:
            p.set(name, "v")
        p.execute()
    check(set(r.scan_iter(count=100)), names)
    check(set(r.scan_iter("s:1*", count=500)), {n for n in names if n.startswith(b"s:1")})
    check(r.dbsize(), 3000)
    check(set(r.keys("s:29??")), {b"s:%d" % n for n in range(2900, 3000)})


def server(r):
    check(r.ping(), True)
    assert r.info()["redis_version"].startswith("7.")
    check(r.config_set("timeout", 7), True)
    check(r.config_get("timeout"), {"timeout": "7"})
    check(r.config_set("timeout", 0), True)
    check(r.client_setname("py"), True)
    assert r.client_getname() in ("py", b"py")
    assert any(client["name"] == "py" for client in r.client_list())
    assert r.command_count() > 50
    assert "get" in r.command()
    assert r.command_getkeys("MSET", "a", 1, "b", 2) in (["a", "b"], [b"a", b"b"])
    assert r.memory_usage("s:1") > 0
    check(r.object("encoding", "s:1"), b"embstr")
    check(r.restore("copy", 0, r.dump("s:1")), b"OK")
    assert len(r.time()) == 2


def threads():
    pool = redis.ConnectionPool(port=port, max_connections=50)
    failures = []

    def work(number):
        r = redis.Redis(connection_pool=pool)
        for n in range(200):
            r.set(f"t:{number}:{n}", n)
            if r.get(f"t:{number}:{n}") != b"%d" % n:
                failures.append((number, n))
            r.incr("shared")

    workers = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    check(failures, [])
    check(redis.Redis(connection_pool=pool).get("shared"), b"3200")


def text(protocol):
    r = redis.Redis(port=port, protocol=protocol, decode_responses=True)
    check(r.set("text", "grüße"), True)
    check(r.get("text"), "grüße")


for protocol in (2, 3):
    client = redis.Redis(port=port, protocol=protocol)
    client.flushall()
    for part in (strings, binary, pipelines, expiry, scanning, server):
        try:
            part(client)
        except Exception as error:
            raise SystemExit(f"RESP{protocol}, {part.__name__}: {error!r}") from error
    text(protocol)
threads()
