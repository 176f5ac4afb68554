/** The certificate that the client has shown to a listener with TLS, which has verified it. */
import { compileCertificate } from "../../policy/route/certificate-conditions.ts";
import type { CertificateConditions } from "../../policy/route/certificate-conditions.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { ClientCertificate } from "../../proxy/ports/tls-facts.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import type { Method } from "./method.ts";

export function shownCertificate(conditions: CertificateConditions): Method {
  const holds = compileCertificate(conditions);
  /** A connection has one certificate, and many requests. */
  const known: WeakMap<ClientCertificate, Identity> = new WeakMap();
  return {
    challenge: null,
    judge({ tls }) {
      const certificate = tls?.certificate ?? null;
      if (certificate === null) return null;
      if (!holds(certificate)) return NOT_ADMITTED;
      const before = known.get(certificate);
      if (before !== undefined) return before;
      const identity: Identity = { method: "certificate", user: certificate.subject, roles: [], scopes: [], claims: {} };
      known.set(certificate, identity);
      return identity;
    },
  };
}

/** Another certificate would be admitted, but the client cannot show it on this connection. */
const NOT_ADMITTED: LocalAnswer = {
  status: 403,
  reason: "certificate_not_admitted",
  detail: "This certificate is not admitted here.",
  fields: [],
  proxyStatus: "http_request_denied",
};
