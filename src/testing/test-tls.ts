import { UNRULED } from "../proxy/ports/tls-facts.ts";
import type { ClientCertificate, TlsFacts } from "../proxy/ports/tls-facts.ts";

/** What is known of a test client's TLS connection. What is not given has a usual value. */
export interface TestTls extends Partial<Omit<TlsFacts, "certificate" | "rule">> {
  /** The verified certificate that the client has shown; absent: none. */
  readonly certificate?: Partial<ClientCertificate>;
}

/** The facts as a handshake would have found them. */
export function tlsOf({ certificate, ...given }: TestTls): TlsFacts {
  return {
    version: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    serverName: null,
    protocol: null,
    resumed: false,
    ...given,
    certificate: certificate === undefined ? null : { ...UNNAMED, ...certificate },
    rule: UNRULED,
  };
}

const UNNAMED: ClientCertificate = {
  forward: null,
  der: new Uint8Array(),
  chain: [],
  subject: "",
  issuer: "",
  serialNumber: "01",
  fingerprint: "0".repeat(64),
  dnsNames: [],
  uris: [],
  emails: [],
};
