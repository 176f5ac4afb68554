import assert from "node:assert/strict";
import { test } from "node:test";
import { TestAuthority } from "../../../test/support/certificates.ts";
import type { ServedCertificate } from "../../shared/listener-tls.ts";
import { CertificateWatch } from "./certificate-watch.ts";

const DAY_MS = 86_400_000;

test("each of several certificates that end at the same moment is warned of by its names, once", async () => {
  const authority = await TestAuthority.create();
  const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 5 * DAY_MS);
  const certificates = await Promise.all(
    ["a.test", "b.test"].map(async (name): Promise<ServedCertificate> => {
      const { chain, key } = await authority.issue([name], { notAfter });
      return { names: [name], chain, key, keyKind: "ecdsa", ocsp: null, clients: null, isChallenge: false };
    }),
  );
  const said: string[] = [];
  const watch = new CertificateWatch({
    log: { warn: (_, message) => void said.push(message), error: (_, message) => void said.push(message) },
    epochMs: () => Date.now(),
    after: () => () => {},
    looked: () => {},
  });
  const tls = {
    certificates,
    strictSni: false,
    onDemand: false,
    minVersion: "TLSv1.2",
    ciphers: "",
    curves: "",
    plainHttp: "refuse",
    ticketKeys: [],
    handshakeMs: 1000,
    handshakesMax: 1,
  } as const;
  watch.use([[":443", tls]], () => false);
  watch.use([[":443", tls]], () => false);
  watch.stop();
  assert.deepEqual(
    said.map((message) => /the certificate for (\S+) on/.exec(message)?.[1]),
    ["a.test", "b.test"],
  );
});
