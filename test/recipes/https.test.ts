import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../src/config/load.ts";
import { tlsFindings } from "../../src/control/certificates/tls-findings.ts";
import { TestAuthority, temporaryFiles } from "../support/certificates.ts";
import { recipe, says } from "../support/recipe.ts";

const { config, start } = recipe("https", { upstreams: { shop: says("the shop"), blog: says("the blog") } });

test("over TLS each name leads to its application, and browsers are told to come by HTTPS", async (t) => {
  const proxy = await start(t);
  const response = await proxy.fetch("https://blog.example/a", { listener: 1, tls: {} });
  assert.match(response.headers.get("strict-transport-security") ?? "", /^max-age=/);
  assert.equal(await response.text(), "the blog got GET /a\n");
});

test("with certificates of both names there is nothing to warn of", async (t) => {
  const authority = await TestAuthority.create();
  const [shop, blog] = await Promise.all([authority.issue(["shop.example"]), authority.issue(["blog.example"])]);
  const files = temporaryFiles(t, { "shop.pem": shop.chain, "shop.key": shop.key, "blog.pem": blog.chain, "blog.key": blog.key });
  const text = config.replace(
    /\/etc\/letsencrypt\/live\/(\w+)\.example\/(\w+)\.pem/g,
    (_, site: string, name: string) => `${files.folder}/${site}.${name === "privkey" ? "key" : "pem"}`,
  );
  const parsed = parseConfig(text, "millrace.yaml", {}, () => "", { tlsFindings: tlsFindings("/") });
  assert.ok("config" in parsed, JSON.stringify(parsed));
  assert.deepEqual(parsed.warnings, []);
});
