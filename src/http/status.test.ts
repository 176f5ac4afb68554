import { test } from "node:test";
import assert from "node:assert/strict";
import { STATUS_CODES } from "node:http";
import { reasonPhrase } from "./status.ts";

/** Phrases for which Node still has the words of an older RFC, or that the registry does not have. */
const OTHERS: Readonly<Record<number, string>> = {
  413: "Content Too Large",
  416: "Range Not Satisfiable",
  418: "Unknown",
  422: "Unprocessable Content",
  509: "Unknown",
};

test("every registered status has its reason phrase", () => {
  for (const [status, phrase] of Object.entries(STATUS_CODES))
    assert.equal(reasonPhrase(Number(status)), OTHERS[Number(status)] ?? phrase, status);
});

test("any other status gets the phrase Unknown", () => {
  assert.equal(reasonPhrase(599), "Unknown");
});
