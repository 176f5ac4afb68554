import assert from "node:assert/strict";
import { test } from "node:test";
import type { OutsideRequest } from "../../shared/outside-request.ts";
import type { BoundedRequest, BoundedResponse } from "./bounded-requests.ts";
import { OutsideRequests } from "./outside-requests.ts";

const REQUEST: OutsideRequest = { method: "POST", url: "https://id.example/token", fields: [["authorization", "Basic abc"]], body: "a=b" };

function requests(answer: (request: BoundedRequest) => Promise<BoundedResponse>): OutsideRequests {
  return new OutsideRequests("0", () => Promise.resolve({ ask: answer, close: () => {} }));
}

test("a request goes out as it is, and of the answer come back the fields that somebody reads", async () => {
  const asked: BoundedRequest[] = [];
  const fields: Record<string, string> = { "content-type": "application/json", "set-cookie": "a=b" };
  const outside = requests((request) => {
    asked.push(request);
    return Promise.resolve({ status: 201, field: (name) => fields[name] ?? null, body: "{}" });
  });
  assert.deepEqual(await outside.send(REQUEST), { status: 201, fields: [["content-type", "application/json"]], body: "{}" });
  assert.deepEqual(asked, [REQUEST]);
});

test("a failure is said in one line, and makes room for others", async () => {
  const outside = requests(() => Promise.reject(new Error("id.example cannot be asked")));
  for (let count = 0; count < 100; count++) assert.deepEqual(await outside.send(REQUEST), { problem: "id.example cannot be asked" });
});

test("no more than 64 are under way to one service, whatever waits for another", async () => {
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const outside = requests(async () => {
    await finished;
    return { status: 200, field: () => null, body: "" };
  });
  const all = Array.from({ length: 65 }, () => outside.send(REQUEST));
  assert.deepEqual(await all[64], { problem: "64 requests to id.example are under way already" });
  const other = outside.send({ ...REQUEST, url: "https://other.example/token" });
  finish();
  assert.ok((await Promise.all([...all.slice(0, 64), other])).every((answer) => "status" in answer));
  assert.ok("status" in (await outside.send(REQUEST)));
});
