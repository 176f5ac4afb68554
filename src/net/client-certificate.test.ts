/** What endpoints get of a client's verified certificate, and that no client can send the fields itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Dialled } from "./stage.fixture.ts";
import { OK, get, stageOfBoth } from "./stage.fixture.ts";
import { testCertificate, testTls } from "./test-certificate.fixture.ts";

/** The field lines about certificates that the endpoint got with its last request, in the head or in the trailers. */
function certificateFields({ endpoint }: Dialled): string[] {
  return endpoint.received.split("\r\n").filter((line) => /^[^:]*client.cert/i.test(line));
}

function firstOf(dialled: readonly Dialled[]): Dialled {
  return dialled[0] ?? assert.fail("no endpoint was asked");
}

test("every request of the connection carries its certificate in the place of a forged one", async (t) => {
  const certificate = testCertificate({ der: Uint8Array.from([1]), chain: [Uint8Array.from([2])] });
  const { client, dialled } = stageOfBoth(t, () => {}, testTls({ certificate }));
  for (let count = 0; count < 4; count++) {
    client.send(get("/").replace("\r\n\r\n", "\r\nClient-Cert: :Zm9yZ2Vk:\r\nX_Forwarded_Client_Cert: Hash=00\r\n\r\n"));
    const upstream = firstOf(dialled);
    if (count === 0) upstream.connect();
    await turn();
    assert.deepEqual(certificateFields(upstream), ["Client-Cert: :AQ==:", "Client-Cert-Chain: :Ag==:"]);
    upstream.endpoint.received = "";
    upstream.endpoint.send(OK);
    await turn();
  }
  assert.deepEqual(client.statuses, ["200", "200", "200", "200"]);
});

for (const [what, tls] of [
  ["a plain connection", null],
  ["a TLS connection without a certificate", testTls({ certificate: null })],
  ["a certificate that is not forwarded", testTls({ certificate: testCertificate({ forward: null }) })],
] as const) {
  test(`${what} brings no field of a certificate, neither in the head nor in trailers`, async (t) => {
    const { client, dialled } = stageOfBoth(t, (config) => void (config.trusted_proxies = ["192.0.2.0/24"]), tls);
    const fields = "Client-Cert: :Zm9yZ2Vk:\r\nclient-cert-chain: :Zm9yZ2Vk:\r\nX-Forwarded-Client-Cert: Hash=00\r\nclient_cert: x\r\n";
    client.send(`POST / HTTP/1.1\r\nHost: a.test\r\n${fields}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${fields}X-Sum: 1\r\n\r\n`);
    const upstream = firstOf(dialled);
    upstream.connect();
    await turn();
    assert.match(upstream.endpoint.received, /\r\n0\r\nX-Sum: 1\r\n\r\n$/);
    assert.deepEqual(certificateFields(upstream), []);
  });
}
