import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Visit } from "../visit.fixture.ts";

/** Why a login of that visit comes to nothing, as the log says it. */
async function reasonOf(visit: Visit): Promise<string> {
  const begun = await visit.check();
  if (begun.kind === "unavailable") return begun.reason;
  assert.equal(begun.kind, "login", JSON.stringify(begun));
  const ended = await visit.callback(visit.provider.answerTo(begun.location));
  assert.equal(ended.kind, "failed", JSON.stringify(ended));
  return ended.failure.reason;
}

describe("the log says what an operator has to mend", () => {
  test("a client_secret that the provider does not take", async () => {
    const visit = new Visit();
    visit.provider.instead = (path) =>
      path === "/token"
        ? Response.json({ error: "invalid_client" }, { status: 401, headers: { "WWW-Authenticate": "Basic realm=a" } })
        : null;
    assert.match(await reasonOf(visit), /^it does not take client_id and client_secret \(401\)/);
  });

  test("an access token that the user info endpoint does not take", async () => {
    const visit = new Visit({ userInfo: true });
    visit.provider.instead = (path) =>
      path === "/userinfo" ? new Response("", { status: 401, headers: { "WWW-Authenticate": 'Bearer error="invalid_token"' } }) : null;
    assert.match(await reasonOf(visit), /^it does not take the access token that it has given itself \(401\)/);
  });

  test("an issuer that is not the provider's name for itself", async () => {
    const visit = new Visit();
    visit.provider.metadata = { issuer: "https://login.example/realm\r\nforged" };
    const reason = await reasonOf(visit);
    assert.match(
      reason,
      /^its settings cannot be read: it calls itself https:\/\/login\.example\/realm ?forged, and issuer says https:\/\/id\.example\/$/,
    );
  });

  test("an algorithm that is not the configuration's", async () => {
    const visit = new Visit();
    visit.provider.signed = "with another algorithm";
    assert.match(await reasonOf(visit), /it signs with ES256, and algorithm says RS256/);
  });
});

test("a host is named once, also where whoever fetches has named it", async () => {
  const visit = new Visit();
  visit.provider.instead = () => {
    throw new Error("id.example cannot be asked: connect ECONNREFUSED");
  };
  assert.equal(await reasonOf(visit), "its settings cannot be read: id.example cannot be asked: connect ECONNREFUSED");
});
