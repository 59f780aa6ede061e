// A session of ioredis; the argument is the port.

const assert = require("assert");
const Redis = require("ioredis");

const port = Number(process.argv[2]);

async function strings(r) {
  assert.strictEqual(await r.set("k", "v"), "OK");
  assert.strictEqual(await r.get("k"), "v");
  assert.strictEqual(await r.set("k", "w", "NX"), null);
  assert.strictEqual(await r.set("k", "w", "EX", 100, "GET"), "v");
  assert.strictEqual(await r.incrby("n", 5), 5);
  assert.strictEqual(await r.incrbyfloat("f", 1.5), "1.5");
  assert.strictEqual(await r.mset("a", 1, "b", 2, "c", 3), "OK");
  assert.deepStrictEqual(await r.mget("a", "b", "none"), ["1", "2", null]);
  assert.strictEqual(await r.del("a", "b", "c"), 3);
  assert.strictEqual(await r.setbit("bits", 7, 1), 0);
  assert.strictEqual(await r.bitcount("bits"), 1);
  await assert.rejects(r.incr("k"), /ERR value is not an integer or out of range/);
}

async function binary(r) {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
  assert.strictEqual(await r.set(everyByte, everyByte), "OK");
  assert.ok((await r.getBuffer(everyByte)).equals(everyByte));
  const giant = Buffer.alloc(10 << 20, everyByte);
  assert.strictEqual(await r.set("giant", giant), "OK");
  assert.ok((await r.getBuffer("giant")).equals(giant));
  assert.strictEqual(await r.set("text", "grüße"), "OK");
  assert.strictEqual(await r.get("text"), "grüße");
}

async function pipelines(r) {
  const pipeline = r.pipeline();
  for (let n = 0; n < 5000; n++) {
    pipeline.set(`p:${n}`, n).get(`p:${n}`);
  }
  const replies = await pipeline.exec();
  assert.strictEqual(replies.length, 10000);
  for (let n = 0; n < 5000; n++) {
    assert.deepStrictEqual(replies[2 * n], [null, "OK"]);
    assert.deepStrictEqual(replies[2 * n + 1], [null, String(n)]);
  }
  // Without a pipeline object the client sends ahead all the same.
  const counts = await Promise.all(Array.from({ length: 1000 }, () => r.incr("ahead")));
  assert.deepStrictEqual(counts, Array.from({ length: 1000 }, (_, n) => n + 1));
}

async function expiry(r) {
  assert.strictEqual(await r.set("e", "v", "PX", 100000), "OK");
  assert.ok((await r.pttl("e")) > 99000);
  assert.strictEqual(await r.persist("e"), 1);
  assert.strictEqual(await r.ttl("e"), -1);
  assert.strictEqual(await r.pexpire("e", 20), 1);
  const start = Date.now();
  while (await r.exists("e")) {
    assert.ok(Date.now() - start < 5000, "the key stays");
  }
}

async function scanning(r) {
  await r.flushall();
  const pairs = [];
  for (let n = 0; n < 2000; n++) {
    pairs.push(`s:${n}`, n);
  }
  await r.mset(pairs);
  const found = new Set();
  for await (const keys of r.scanStream({ match: "s:*", count: 100 })) {
    keys.forEach((key) => found.add(key));
  }
  assert.strictEqual(found.size, 2000);
  assert.strictEqual(await r.dbsize(), 2000);
}

async function server(r) {
  assert.match(await r.info(), /redis_version:7\./);
  assert.deepStrictEqual(await r.config("GET", "databases"), ["databases", "16"]);
  assert.ok((await r.command("COUNT")) > 50);
  assert.strictEqual(await r.client("SETNAME", "io"), "OK");
  assert.match(await r.client("LIST"), /name=io/);
  const monitor = await r.monitor();
  const seen = new Promise((resolve) => {
    monitor.on("monitor", (time, words) => words[0] === "echo" && resolve(words));
  });
  await r.echo("seen");
  assert.deepStrictEqual(await seen, ["echo", "seen"]);
  monitor.disconnect();
  const other = r.duplicate({ db: 3 });
  await other.set("k", "three");
  await r.select(3);
  assert.strictEqual(await r.get("k"), "three");
  await r.select(0);
  other.disconnect();
}

async function main() {
  const r = new Redis({ port, maxRetriesPerRequest: 1 });
  for (const part of [strings, binary, pipelines, expiry, scanning, server]) {
    try {
      await part(r);
    } catch (error) {
      throw new Error(`${part.name}: ${error.stack}`);
    }
  }
  assert.strictEqual(await r.quit(), "OK");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
