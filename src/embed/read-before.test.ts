/** What becomes of a body that was read before; test/embedded.test.ts has the same through node:http. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { FieldPair } from "../http/field-pairs.ts";
import { bodyLeft } from "./read-before.ts";
import type { BodyLeft } from "./read-before.ts";

/** A request whose body was read as a whole, with what the program has left of it. */
async function readRequest(body: Buffer, left: object): Promise<IncomingMessage> {
  const request = new IncomingMessage(new Socket());
  request.push(body);
  request.push(null);
  request.resume();
  await new Promise((ended) => request.on("end", ended));
  return Object.assign(request, left);
}

async function leftOf(body: Buffer, left: object, fields: readonly FieldPair[], length: number = body.length): Promise<BodyLeft> {
  return bodyLeft(await readRequest(body, left), length, fields);
}

/** The names of the fields that describe the body now, and its text. */
function shown(left: BodyLeft): string {
  if (left.kind !== "read") return left.kind;
  return `${left.fields.map(([name, value]) => (name === "Content-Length" ? `${name} ${value}` : name)).join(", ")}: ${left.bytes.toString("latin1")}`;
}

const JSON_TYPE: FieldPair = ["Content-Type", "application/json; charset=utf-8"];
const CODED: FieldPair = ["Content-Encoding", "gzip"];
const DIGEST: FieldPair = ["Content-Digest", "sha-256=:x:"];

test("a body that a parser has decoded loses its coding and its digests, one that is left as it came keeps them", async () => {
  const json = Buffer.from('{"a":1}');
  const coded = gzipSync(json);
  const fields = [JSON_TYPE, CODED, DIGEST];
  const decoded = `Content-Type, Content-Length ${json.length}: {"a":1}`;
  const kept = `Content-Type, Content-Encoding, Content-Digest, Content-Length ${coded.length}: ${coded.toString("latin1")}`;
  assert.equal(shown(await leftOf(coded, { body: { a: 1 } }, fields)), decoded);
  for (const length of [coded.length, -1]) {
    assert.equal(shown(await leftOf(coded, { body: json }, fields, length)), decoded);
    assert.equal(shown(await leftOf(coded, { rawBody: coded, body: { a: 1 } }, fields, length)), kept);
  }
  assert.equal(shown(await leftOf(json, { body: json }, [DIGEST], -1)), `Content-Digest, Content-Length ${json.length}: {"a":1}`);
});

test("texts are written in the encoding that their type names", async () => {
  const text = (type: string): Promise<BodyLeft> => leftOf(Buffer.from("x"), { body: "\u00e4" }, [["content-type", type]]);
  assert.equal(shown(await text("text/plain; charset=ISO-8859-1")), "content-type, Content-Length 1: \u00e4");
  assert.equal(shown(await text('text/plain; charset="utf-8"')), "content-type, Content-Length 2: \u00c3\u00a4");
  assert.equal(shown(await text("text/plain; charset=koi8-r")), "lost");
});

test("parsed JSON of any value is written, and a string that is none is quoted", async () => {
  for (const [body, sent] of [
    [null, "null"],
    [[1], "[1]"],
    ["text", '"text"'],
    ["[1]", "[1]"],
  ] as const) {
    assert.equal(shown(await leftOf(Buffer.from("x"), { body }, [JSON_TYPE])), `Content-Type, Content-Length ${sent.length}: ${sent}`);
  }
});

test("an empty body that was read is empty, and an unread one is left to be read", async () => {
  assert.equal(shown(await leftOf(Buffer.alloc(0), { body: {} }, [JSON_TYPE], -1)), "Content-Type, Content-Length 0: ");
  const unread = Object.assign(new IncomingMessage(new Socket()), { body: {} });
  assert.equal(bodyLeft(unread, 5, [JSON_TYPE]).kind, "unread");
  assert.equal(bodyLeft(unread.setEncoding("utf8"), 5, [JSON_TYPE]).kind, "lost");
});
