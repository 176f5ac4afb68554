import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readPasswordHash } from "./password-hash.ts";
import { commonShape, hashOfShape } from "./unknown-user.ts";

const BCRYPT_5 = "$2y$05$cHhppuUy2r7i2E4DJFEyfu1WZwQKK.pG132MDmtEA4c8o9m6cJhk2";
const BCRYPT_4 = "$2a$04$tfCmuakvqmsig5iFKGIt1.zCXy70kfc298ESGdA8Sv0GsqBTwKP3e";
const ARGON2ID = "$argon2id$v=19$m=100,t=3,p=2$c2FsdHNhbHQ$H/qQfNPDMddVixafVsdlwQ";

/** Of a hash, what decides on the time of its verification. */
function costsOf(hash: string): unknown {
  const read = readPasswordHash(hash);
  assert.ok(typeof read !== "string");
  return read.kind === "bcrypt" ? read : { ...read, salt: read.salt.length, tag: read.tag.length };
}

test("a hash for unknown users costs what most of the file's hashes cost, whatever the seed", () => {
  for (const [hashes, like] of [
    [[BCRYPT_4, BCRYPT_5, BCRYPT_5], BCRYPT_5],
    [[BCRYPT_5, BCRYPT_4, BCRYPT_4.replace("$2a$", "$2y$")], BCRYPT_4],
    [[BCRYPT_5, ARGON2ID, ARGON2ID.replace("c2FsdHNhbHQ", "c2FsdHNhbHU")], ARGON2ID],
    [[ARGON2ID, BCRYPT_5], ARGON2ID],
  ] as const) {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        assert.deepEqual(costsOf(hashOfShape(commonShape(hashes), seed)), costsOf(like));
      }),
    );
  }
});

test("another seed is another hash, in its salt too", () => {
  for (const hash of [BCRYPT_5, ARGON2ID]) {
    const shape = commonShape([hash]);
    const [one, other] = [hashOfShape(shape, new Uint8Array(32).fill(1)), hashOfShape(shape, new Uint8Array(32).fill(2))];
    assert.notEqual(one.slice(0, shape.prefix.length + shape.saltLength), other.slice(0, shape.prefix.length + shape.saltLength));
  }
});

test("a file without users", () => {
  assert.deepEqual(costsOf(hashOfShape(commonShape([]), new Uint8Array(32))), { kind: "bcrypt", cost: 4 });
});
