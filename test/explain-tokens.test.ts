/** `explain` verifies tokens as the proxy does: it asks the key server of the route, and says what is wrong with a token. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { after, test } from "node:test";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import { explainCommand } from "../src/cli/explain.ts";
import { createProxy } from "../src/millrace.ts";
import { temporaryFiles } from "./support/certificates.ts";

const { privateKey, publicKey } = await generateKeyPair("ES256");
const keySet = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "one" }] });
let asked = 0;
const keyServer = http.createServer((_, response) => {
  asked++;
  response.end(keySet);
});
keyServer.listen(0, "127.0.0.1");
await once(keyServer, "listening");
const cleanUps: (() => void)[] = [
  () => {
    keyServer.closeAllConnections();
    keyServer.close();
  },
];
after(() => cleanUps.forEach((cleanUp) => cleanUp()));

const { port } = keyServer.address() as AddressInfo;
const configWith = (url: string): string => `
upstreams: { app: { endpoints: ["http://127.0.0.1:1"] } }
routes: [{ authentication: { jwt: { issuer: me, audience: api, jwks_url: "${url}" } }, upstream: app }]
`;
const SERVED = `listeners: [{ address: ":8080" }]${configWith(`http://127.0.0.1:${port}/`)}`;

function token(claims: object = {}): Promise<string> {
  return new SignJWT({ iss: "me", aud: "api", exp: Math.floor(Date.now() / 1000) + 300, ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .sign(privateKey);
}

async function explained(config: string, value: string): Promise<{ code: number; out: string; err: string }> {
  const { folder } = temporaryFiles({ after: (done) => cleanUps.push(done) }, { "millrace.yaml": config });
  let [out, err] = ["", ""];
  const code = await explainCommand(
    { file: path.join(folder, "millrace.yaml"), method: "GET", url: "http://a.test/", fields: [`Authorization: Bearer ${value}`] },
    (text) => (out += text),
    (text) => (err += text),
  );
  return { code, out, err };
}

test("a token is verified with the keys of the route's key server, which is asked once", { timeout: 20_000 }, async () => {
  asked = 0;
  const { code, out, err } = await explained(SERVED, await token());
  assert.deepEqual([code, err, asked], [0, "", 1]);
  assert.match(out, /upstream app/);
});

test("what is wrong with a token is said", { timeout: 20_000 }, async () => {
  const said = async (claims: object): Promise<string> => {
    const { code, out } = await explained(SERVED, await token(claims));
    assert.equal(code, 3);
    return out.trim().split("\n").at(-1) ?? "";
  };
  assert.equal(await said({ exp: 1 }), "authentication: refused with 401: The token has expired.");
  assert.equal(await said({ aud: "other" }), "authentication: refused with 401: The token was not made for this audience.");
});

test("a key server that gives no keys is named", { timeout: 20_000 }, async () => {
  const { code, out, err } = await explained(`listeners: [{ address: ":8080" }]${configWith("http://127.0.0.1:1/keys")}`, await token());
  assert.equal(code, 3);
  assert.match(err, /^millrace explain: the key server http:\/\/127\.0\.0\.1:1\/keys gives no key set: .*; so tokens are not verified\n$/);
  assert.match(out, /refused with 503: the key server has given no keys/);
});

test("a proxy within a program explains with the keys that it has", { timeout: 20_000 }, async () => {
  const proxy = await createProxy({
    upstreams: { app: { endpoints: ["http://127.0.0.1:1"] } },
    routes: [{ authentication: { jwt: { issuer: "me", audience: "api", jwks_url: `http://127.0.0.1:${port}/` } }, upstream: "app" }],
  });
  try {
    const headers = { authorization: `Bearer ${await token()}` };
    // A request waits until the key server was asked.
    assert.equal((await proxy.fetch(new Request("http://a.test/", { headers }))).status, 502);
    assert.equal((await proxy.explain({ url: "http://a.test/", headers })).status, null);
  } finally {
    await proxy.close();
  }
});
