/** Hashes that other programs have made, and that they can check. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { readPasswordHash } from "../policy/authentication/password-hash.ts";
import { COSTS, newHash } from "./new-hash.ts";
import { UnknownUsers } from "./unknown-users.ts";
import { ARGON2_ENGINE, verifyPassword } from "./verify-password.ts";

const LONG = "a".repeat(100);
const BYTES = Uint8Array.of(0xff, 0xfe, 0x80);

/** By `htpasswd -nbB` of Apache 2.4.71 and `bcrypt.hashpw` of Python's bcrypt 3.2.2. */
const BCRYPT: readonly (readonly [password: string | Uint8Array, hash: string])[] = [
  ["secret", "$2y$05$cHhppuUy2r7i2E4DJFEyfu1WZwQKK.pG132MDmtEA4c8o9m6cJhk2"],
  ["pässwörd", "$2y$04$68bhQRMh2BtXvNm7LgBuJucKt4yUp7vybB0xhyDDjyrzqlfgCrNHO"],
  ["a".repeat(72), "$2y$04$TJR.cM3bst..L1RFyqrfPeCrKXKwCQLDXaux44g7.VTt1OfFxBLEi"],
  [LONG, "$2y$04$oR3C40eTVB0seLuhx2cVzeOcrTXcwZ/v8tVkaZEijuE7IMuB4qRfy"],
  ["with : colon and space", "$2y$04$n3DEcfRaGTqg2LBaJzor9.tyQK5874ZnluRfCHjKjLVAlsy0WeL12"],
  ["secret", "$2a$04$tfCmuakvqmsig5iFKGIt1.zCXy70kfc298ESGdA8Sv0GsqBTwKP3e"],
  ["secret", "$2b$04$UqaWUMLcfXDpfhCskinE2e4FiAEb7TiJ1DFXDojc2ANjLcYZFx/si"],
  [BYTES, "$2b$04$qb04.ozSG7q/pUj2o2A6oeSjt6nxZClbM8BJlO1hKDuNJODqFHgYS"],
];

/** By `argon2 -id -e` of Debian, which is the reference implementation. */
const ARGON2ID: readonly (readonly [password: string, hash: string])[] = [
  ["secret", "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$+GhFMTtB9hhRbCiGFM0Pux20CQismO6FAzo0+55itIc"],
  ["secret", "$argon2id$v=19$m=256,t=1,p=4$c29tZXNhbHQxNmJ5dGVzIQ$RkBJ2iAQ+nkyMWk9aAAm/7xhPJA4bK7xoZDFhFHhuAA"],
  ["pässwörd", "$argon2id$v=19$m=100,t=3,p=2$c2FsdHNhbHQ$H/qQfNPDMddVixafVsdlwQ"],
  [
    "secret",
    "$argon2id$v=19$m=1000,t=1,p=3$YS1sb25nZXItc2FsdC1vZi10aGlydHktdHdvLWJ5dGU$bna9Y4MvYOrOfzN2ZzFuz+/gRlhq0IuHbvatiY6EF4tXusD0O2RhB/CEgd3GbthZQzGnXLnyGWxDhz4twuXxgg",
  ],
  [LONG, "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$qvUWV6fkyKpnTcpmXSbxwZyfpqeLznBhyBYeDJfEK+A"],
];

const ENGINES = ARGON2_ENGINE === "node" ? (["node", "wasm"] as const) : (["wasm"] as const);

test("bcrypt of other programs", async () => {
  for (const [password, hash] of BCRYPT) {
    const bytes = Buffer.from(password);
    assert.equal(await verifyPassword(hash, bytes), "match", hash);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    assert.equal(await verifyPassword(hash, bytes), "differs", hash);
  }
});

describe("argon2id of the reference implementation", () => {
  for (const engine of ENGINES) {
    test(engine, async () => {
      for (const [password, hash] of ARGON2ID) {
        assert.equal(await verifyPassword(hash, Buffer.from(password), engine), "match", hash);
        assert.equal(await verifyPassword(hash, Buffer.from(`${password}x`), engine), "differs", hash);
      }
    });
  }
});

test("of a bcrypt password 72 bytes count, as for those who made the hash; of argon2id all", async () => {
  const [, bcrypt = ""] = BCRYPT[3] ?? [];
  const [, argon2id = ""] = ARGON2ID[4] ?? [];
  assert.equal(await verifyPassword(bcrypt, Buffer.from(`${"a".repeat(72)}b`)), "match");
  assert.equal(await verifyPassword(bcrypt, Buffer.from("a".repeat(71))), "differs");
  assert.equal(await verifyPassword(argon2id, Buffer.from("a".repeat(99))), "differs");
});

test("passwords that no client can send match nothing", async () => {
  // bcrypt repeats a password with NUL between: these two would give one hash.
  const hash = await newHash(Buffer.from("a"), "bcrypt", 4);
  assert.equal(await verifyPassword(hash, Buffer.from("a")), "match");
  assert.equal(await verifyPassword(hash, Buffer.from("a\0a")), "differs");
  assert.equal(await verifyPassword(hash, Buffer.from("")), "differs");
  assert.equal(await verifyPassword(hash, Buffer.from("a".repeat(1025))), "differs");
});

test("a hash that is not accepted", async () => {
  for (const hash of [
    "",
    "secret",
    "$apr1$OnPTLTdR$qT/tWcSTxbLnGjXh81iRZ/",
    "$2y$31$cHhppuUy2r7i2E4DJFEyfu1WZwQKK.pG132MDmtEA4c8o9m6cJhk2",
  ])
    assert.equal(await verifyPassword(hash, Buffer.from("secret")), "failed", hash);
});

test("new hashes are accepted, match, and have a salt each", async () => {
  for (const algorithm of ["bcrypt", "argon2id"] as const) {
    const password = Buffer.from("pässwörd");
    const cost = COSTS[algorithm].min;
    const [one, other] = [await newHash(password, algorithm, cost), await newHash(password, algorithm, cost)];
    assert.notEqual(one, other);
    for (const hash of [one, other]) assert.equal(await verifyPassword(hash, password), "match");
    assert.equal(await verifyPassword(one, Buffer.from("password")), "differs");
  }
  assert.match(await newHash(Buffer.from("x"), "bcrypt", 4), /^\$2y\$04\$/);
});

test("every cost that new hashes may have is one that users files may have", async () => {
  for (const algorithm of ["bcrypt", "argon2id"] as const) {
    const hash = await newHash(Buffer.from("x"), algorithm, COSTS[algorithm].min);
    const [was, is] = algorithm === "bcrypt" ? ["$04$", "$14$"] : [",t=1,", `,t=${COSTS.argon2id.max},`];
    assert.equal(typeof readPasswordHash(hash.replace(was, is)), "object");
  }
});

test("unknown users: each name has a hash of its own, always the same, that no password matches", async () => {
  for (const [password, hash] of [BCRYPT[1] ?? [""], ARGON2ID[0] ?? [""]] as const) {
    const unknown = new UnknownUsers(new Map([["alice", hash ?? ""]]));
    assert.equal(unknown.hashOf("bob"), unknown.hashOf("bob"));
    assert.notEqual(unknown.hashOf("bob"), unknown.hashOf("carol"));
    assert.equal(await verifyPassword(unknown.hashOf("bob"), Buffer.from(password)), "differs");
    // All threads agree, and only who knows the file can compute the hash of a name.
    assert.equal(unknown.hashOf("bob"), new UnknownUsers(new Map([["alice", hash ?? ""]])).hashOf("bob"));
    const other = new Map([["alice", (hash ?? "").replace(/.\$?.$/, "ab")]]);
    assert.notEqual(unknown.hashOf("bob"), new UnknownUsers(other).hashOf("bob"));
  }
});
