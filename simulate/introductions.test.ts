import assert from "node:assert/strict";
import { test } from "node:test";
import { readHeader } from "../src/proxy-protocol/header-reader.ts";
import { Draw } from "./draw.ts";
import { drawIntroduction, introductionBytes, isRight, namesNobody } from "./introductions.ts";

test("right headers are read as they are meant, and the others are none", () => {
  const draw = new Draw(3);
  const kinds = new Set<string>();
  for (let client = 0; client < 300; client++) {
    const introduction = drawIntroduction(draw, client);
    kinds.add(introduction.kind);
    const bytes = Buffer.concat([introductionBytes(introduction, "192.0.2.7"), Buffer.from("GET / HTTP/1.1\r\n\r\n")]);
    const read = readHeader(bytes, 0, bytes.length);
    assert.equal(read.kind === "header", isRight(introduction), introduction.kind);
    if (read.kind === "header") assert.equal(read.header.addresses?.source, namesNobody(introduction) ? undefined : "192.0.2.7");
  }
  assert.equal(kinds.size, 9);
});
