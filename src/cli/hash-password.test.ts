import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import { parseHtpasswd } from "../policy/authentication/htpasswd.ts";
import { verifyPassword } from "../passwords/verify-password.ts";
import { hashPasswordCommand } from "./hash-password.ts";
import type { HashPasswordArguments } from "./hash-password.ts";
import { passwordFromStream, passwordOnTerminal } from "./read-password.ts";
import type { GivenPassword, PasswordSource } from "./read-password.ts";

/** The cheapest hashes that there are. */
const CHEAP: HashPasswordArguments = { algorithm: "bcrypt", cost: 4, user: null };

async function run(given: Partial<HashPasswordArguments>, source: PasswordSource): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await hashPasswordCommand(
    { ...CHEAP, ...given },
    source,
    (text) => void (out += text),
    (text) => void (err += text),
  );
  return { code, out, err };
}

const given =
  (password: string): PasswordSource =>
  () =>
    Promise.resolve({ password });

/** Types on a terminal, a piece as soon as a further prompt stands there. */
async function type(...pieces: readonly string[]): Promise<{ read: GivenPassword; shown: string }> {
  const terminal = new PassThrough();
  let shown = "";
  const waiting = [...pieces];
  const read = await passwordOnTerminal(terminal, (text) => {
    shown += text;
    if (text.endsWith(": ")) terminal.write(waiting.shift() ?? "");
  });
  return { read, shown };
}

test("the hash, or a line of a users file", async () => {
  for (const algorithm of ["bcrypt", "argon2id"] as const) {
    const cost = algorithm === "bcrypt" ? 4 : 1;
    const alone = await run({ algorithm, cost }, given("pässwörd"));
    assert.equal(alone.code, 0, alone.err);
    assert.equal(await verifyPassword(alone.out.trimEnd(), Buffer.from("pässwörd")), "match");
    const line = await run({ algorithm, cost, user: "zoë smith" }, given("pässwörd"));
    const read = parseHtpasswd(line.out);
    assert.ok("users" in read);
    assert.deepEqual([...read.users.keys()], ["zoë smith"]);
    assert.equal(`${line.out.split("\n").length} ${alone.err}${line.err}`, "2 ");
  }
});

test("without --cost: 2 passes over 19 MiB, and 2^12 rounds", async () => {
  assert.match((await run({ algorithm: "argon2id", cost: null }, given("x"))).out, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.match((await run({ algorithm: "bcrypt", cost: null }, given("x"))).out, /^\$2y\$12\$/);
});

test("what is refused, without being shown", async () => {
  const never: PasswordSource = () => assert.fail("the password was asked for");
  for (const [args, source, problem] of [
    [{ cost: 3 }, never, "--cost of bcrypt is 4 to 14"],
    [{ cost: 15 }, never, "--cost of bcrypt is 4 to 14"],
    [{ algorithm: "argon2id", cost: 54 }, never, "--cost of argon2id is 1 to 53"],
    [{ user: "a:b" }, never, "the name after --user contains a colon"],
    [{ user: "#a" }, never, "the name after --user begins with #, as a comment does"],
    [{}, given(""), "the password is empty"],
    [{}, given("hun\tter"), "the password contains a control character, which no client can send"],
    [{}, given("é".repeat(37)), /^bcrypt reads no more than 72 bytes of a password, and this one has 74; leave --algorithm bcrypt out$/],
    [{ algorithm: "argon2id", cost: 1 }, given("a".repeat(1025)), "the password is longer than 1024 bytes"],
    [{}, () => Promise.resolve({ problem: "the two passwords differ" }), "the two passwords differ"],
  ] as const) {
    const { code, out, err } = await run(args, source);
    assert.deepEqual([code, out], [1, ""], err);
    const said = err.replace(/^millrace hash-password: (.*)\n$/, "$1");
    if (typeof problem === "string") assert.equal(said, problem);
    else assert.match(said, problem);
  }
  assert.equal((await run({}, given("a".repeat(72)))).code, 0);
});

test("a terminal is asked twice, and shows nothing of what is typed", async () => {
  const { read, shown } = await type("pässwörx\x7fd\r", "pässwörd\r");
  assert.deepEqual(read, { password: "pässwörd" });
  assert.equal(shown, "New password: \nThe same again: \n");
});

test("a terminal: both lines at once, an empty line, other passwords, Ctrl-C, Ctrl-D", async () => {
  assert.deepEqual((await type("secret\rsecret\r")).read, { password: "secret" });
  assert.deepEqual(await type("\r"), { read: { password: "" }, shown: "New password: \n" });
  assert.deepEqual((await type("secret\r", "Secret\r")).read, { problem: "the two passwords differ" });
  for (const key of ["\x03", "\x04"]) {
    assert.deepEqual((await type(`sec${key === "\x04" ? "\x15" : ""}${key}`)).read, { problem: "no password was given" });
    assert.deepEqual((await type("secret\r", key)).read, { problem: "no password was given" });
  }
});

test("standard input is one line", async () => {
  const read = (...pieces: readonly (string | Uint8Array)[]): Promise<GivenPassword> =>
    passwordFromStream(Readable.from(pieces.map((piece) => Buffer.from(piece))));
  assert.deepEqual(await read("sec", "ret\n"), { password: "secret" });
  assert.deepEqual(await read("secret\r\n"), { password: "secret" });
  assert.deepEqual(await read(" secret "), { password: " secret " });
  assert.deepEqual(await read(Uint8Array.of(0xc3), Uint8Array.of(0xa9)), { password: "é" });
  assert.deepEqual(await read(), { password: "" });
  assert.deepEqual(await read("\n"), { password: "" });
  assert.deepEqual(await read("secret\nsecret\n"), { problem: "standard input has more than one line" });
  assert.deepEqual(await read("secret\n\n"), { problem: "standard input has more than one line" });
  assert.deepEqual(await read(Uint8Array.of(0xff)), { problem: "standard input is no UTF-8" });
  assert.deepEqual(await read("a".repeat(1024), "\r\n"), { password: "a".repeat(1024) });
  const endless = Readable.from(
    (function* (): Generator<Buffer> {
      for (;;) yield Buffer.alloc(100, "a");
    })(),
  );
  assert.deepEqual(await passwordFromStream(endless), { problem: "standard input is longer than a password may be, 1024 bytes" });
});
