import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readPasswordHash } from "./password-hash.ts";
import { hashOfShape, shapeFor, shapesOf } from "./unknown-user.ts";

const BCRYPT_5 = "$2y$05$cHhppuUy2r7i2E4DJFEyfu1WZwQKK.pG132MDmtEA4c8o9m6cJhk2";
const BCRYPT_4 = "$2a$04$tfCmuakvqmsig5iFKGIt1.zCXy70kfc298ESGdA8Sv0GsqBTwKP3e";
const ARGON2ID = "$argon2id$v=19$m=100,t=3,p=2$c2FsdHNhbHQ$H/qQfNPDMddVixafVsdlwQ";

/** Of a hash, what decides on the time of its verification. */
function costsOf(hash: string): unknown {
  const read = readPasswordHash(hash);
  assert.ok(typeof read !== "string");
  return read.kind === "bcrypt" ? read : { ...read, salt: read.salt.length, tag: read.tag.length };
}

test("names without a user have each cost of the file as often as its users", () => {
  const seedOf = (share: number): Uint8Array => Uint8Array.of(Math.floor(share * 256), 0, 0, 0);
  for (const hashes of [
    [BCRYPT_5],
    [BCRYPT_4, BCRYPT_5, BCRYPT_5, BCRYPT_5],
    [BCRYPT_4, BCRYPT_4.replace("$2a$", "$2y$"), BCRYPT_5, ARGON2ID.replace("c2FsdHNhbHQ", "c2FsdHNhbHU")],
    [ARGON2ID, BCRYPT_5],
  ]) {
    const shapes = shapesOf(hashes);
    const costs = hashes.map((_, index) => costsOf(hashOfShape(shapeFor(shapes, seedOf(index / hashes.length)), new Uint8Array(32))));
    assert.deepEqual(costs, hashes.map(costsOf));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        assert.ok(
          hashes.map((hash) => JSON.stringify(costsOf(hash))).includes(JSON.stringify(costsOf(hashOfShape(shapeFor(shapes, seed), seed)))),
        );
      }),
    );
  }
});

test("another seed is another hash, in its salt too", () => {
  for (const hash of [BCRYPT_5, ARGON2ID]) {
    const shape = shapeFor(shapesOf([hash]), new Uint8Array(32));
    const [one, other] = [hashOfShape(shape, new Uint8Array(32).fill(1)), hashOfShape(shape, new Uint8Array(32).fill(2))];
    assert.notEqual(one.slice(0, shape.prefix.length + shape.saltLength), other.slice(0, shape.prefix.length + shape.saltLength));
  }
});

test("a file without users", () => {
  assert.deepEqual(costsOf(hashOfShape(shapeFor(shapesOf([]), new Uint8Array(32)), new Uint8Array(32))), { kind: "bcrypt", cost: 4 });
});
