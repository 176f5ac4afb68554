import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptedCodings } from "./accepted-codings.ts";

test("what a client takes, the best first", () => {
  for (const [values, accepted] of [
    [[], ""],
    [[""], ""],
    [["gzip, deflate, br, zstd"], "br zstd gzip"],
    [["gzip", "br"], "br gzip"],
    [["GZIP"], "gzip"],
    [["x-gzip"], "gzip"],
    [["gzip;q=0"], ""],
    [["gzip ; q=0.001"], "gzip"],
    [["br;q=0.5, gzip;q=0.8"], "gzip br"],
    [["*"], "br zstd gzip"],
    [["*;q=0"], ""],
    [["br;q=0, *"], "zstd gzip"],
    [["identity"], ""],
    [["identity, gzip"], "gzip"],
    [["identity, gzip;q=0.5"], ""],
    [["identity;q=0, gzip;q=0.5"], "gzip"],
    [["gzip;q=2, br;q=x, zstd"], "zstd"],
    [["brgzip, g zip"], ""],
  ] as const)
    assert.equal(acceptedCodings(values, ["br", "zstd", "gzip"]).join(" "), accepted, JSON.stringify(values));
});
