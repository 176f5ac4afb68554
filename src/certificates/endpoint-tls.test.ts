/** OpenSSL's contexts of connections to endpoints. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestAuthority } from "../../test/support/certificates.ts";
import { upstreamTls } from "../shared/upstream-tls.ts";
import type { UpstreamTls } from "../shared/upstream-tls.ts";
import { endpointContext } from "./endpoint-tls.ts";

function tlsOf(more: Partial<UpstreamTls> = {}): UpstreamTls {
  return { ...upstreamTls({ verify: true, min_version: "1.2" }, new Map()), ...more };
}

test("upstreams have one context where all that it is made of is equal", async () => {
  const [authority, other] = await Promise.all([TestAuthority.create(), TestAuthority.create()]);
  const { chain, key } = await authority.client("CN=proxy");
  const ca = authority.certificate;
  const first = endpointContext(tlsOf({ ca }), "closed");
  // What is judged after the handshake is no part of it.
  assert.equal(endpointContext(tlsOf({ ca, serverName: "a.test", pinnedNames: ["b.test"], verify: false }), "closed"), first);
  const others = [
    endpointContext(tlsOf({ ca }), "declined"),
    ...[{}, { ca: other.certificate }, { ca, crl: await authority.crl([]) }, { ca, certificate: { chain, key } }].map((more) =>
      endpointContext(tlsOf(more), "closed"),
    ),
    endpointContext(tlsOf({ ca, minVersion: "TLSv1.3" }), "closed"),
  ];
  assert.equal(new Set([first, ...others]).size, 1 + others.length);
});
