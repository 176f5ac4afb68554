import assert from "node:assert/strict";
import { test } from "node:test";
import { buildRequestHead } from "../../http/build-head.ts";
import { LoneView } from "./lone-view.ts";
import { limitKey } from "./limit-key.ts";

test("a claim with one text is never taken for a list, nor a list for another one", () => {
  const values = [["a"], ["a", "b"], ['["a","b"]'], '["a"]', "a,b", ["a,b", "c"], ["a", "b,c"], "[", ["[", "["]];
  const keyOf = limitKey(["claim:tenant"]);
  const keys = values.map((tenant) => {
    const view = new LoneView(buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, []), "192.0.2.1");
    view.authenticate({ method: "jwt", user: "u", roles: [], scopes: [], claims: { tenant } });
    return keyOf(view);
  });
  assert.equal(new Set(keys).size, values.length, keys.join(" "));
});
