/** Facts of TLS connections and of clients' certificates, as a handshake would find them. */
import { UNRULED } from "../proxy/ports/tls-facts.ts";
import type { ClientCertificate, TlsFacts } from "../proxy/ports/tls-facts.ts";

export function testCertificate(more: Partial<ClientCertificate> = {}): ClientCertificate {
  return {
    forward: "Client-Cert",
    der: Uint8Array.from([1, 2, 3]),
    chain: [],
    subject: "CN=alice,O=Example",
    issuer: "CN=Example CA",
    serialNumber: "0A1B",
    fingerprint: "5e".repeat(32),
    dnsNames: ["alice.test"],
    uris: [],
    emails: [],
    ...more,
  };
}

export function testTls(more: Partial<TlsFacts> = {}): TlsFacts {
  return {
    version: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    serverName: "a.test",
    protocol: "http/1.1",
    resumed: false,
    certificate: testCertificate(),
    rule: UNRULED,
    ...more,
  };
}
