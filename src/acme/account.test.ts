import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openAccount, replacementFor } from "./account.ts";
import { AcmeProblem } from "./acme-error.ts";
import { ACCOUNT, stage } from "./stage.fixture.ts";

describe("an account", () => {
  test("is the same one for the same key", async () => {
    const { double, client } = stage();
    const first = await openAccount(client, null, ACCOUNT);
    assert.equal(await openAccount(client, first, ACCOUNT), first);
    assert.equal(double.accounts.size, 1);
  });

  test("tells the authority of another address", async () => {
    const { double, client } = stage();
    const first = await openAccount(client, null, ACCOUNT);
    const second = await openAccount(client, first, { ...ACCOUNT, email: "new@example.com" });
    assert.deepEqual(second, { ...first, email: "new@example.com" });
    assert.deepEqual(double.accounts.get(first.url)?.contact, ["mailto:new@example.com"]);
  });

  test("is bound to a customer of the authority", async () => {
    const { double, client } = stage();
    double.bindingKey = "c2VjcmV0";
    await assert.rejects(openAccount(client, null, ACCOUNT), { message: "the authority serves its customers only: acme.eab is needed" });
    await openAccount(client, null, { ...ACCOUNT, eab: { key_id: "kid-1", hmac_key: "c2VjcmV0" } });
    assert.equal(double.accounts.size, 1);
  });

  test("that the authority has forgotten is registered again with its key", async () => {
    const { double, client, obtain } = stage();
    const first = await openAccount(client, null, ACCOUNT);
    double.accounts.clear();
    const refusal = await obtain({}, first).then(
      () => assert.fail(),
      (error: unknown) => error,
    );
    assert.ok(refusal instanceof AcmeProblem && refusal.type === "accountDoesNotExist");
    const again = await replacementFor(client, first, ACCOUNT, refusal);
    assert.equal(again?.key, first.key);
    await obtain({}, again);
  });

  test("that somebody has ended is replaced by one with another key", async () => {
    const { double, client, obtain } = stage();
    const first = await openAccount(client, null, ACCOUNT);
    for (const account of double.accounts.values()) account.status = "deactivated";
    const refusal = await obtain({}, first).then(
      () => assert.fail(),
      (error: unknown) => error,
    );
    assert.ok(refusal instanceof AcmeProblem && refusal.type === "unauthorized");
    const again = await replacementFor(client, first, ACCOUNT, refusal);
    assert.ok(again !== null && again.key !== first.key);
    await obtain({}, again);
  });

  test("that is in order is kept when a request is refused for another reason", async () => {
    const { client } = stage();
    const first = await openAccount(client, null, ACCOUNT);
    const refusal = new AcmeProblem({ type: "urn:ietf:params:acme:error:unauthorized" }, 403, null);
    assert.equal(await replacementFor(client, first, ACCOUNT, refusal), null);
  });
});
