import assert from "node:assert/strict";
import { test } from "node:test";
import { TestAuthority } from "../../../test/support/certificates.ts";
import { CertificateWatch } from "./certificate-watch.ts";
import type { UsedCertificate } from "./certificate-watch.ts";

const DAY_MS = 86_400_000;

interface Stage {
  readonly watch: CertificateWatch;
  readonly said: { readonly message: string; readonly fields: object | undefined }[];
  /** A certificate that ends so many days from now. */
  certificate(of: string, names: readonly string[], days: number, isRenewed?: boolean): Promise<UsedCertificate>;
  /** Moves the clock, and lets a minute's look pass. */
  advance(days: number): void;
}

async function stage(): Promise<Stage> {
  const authority = await TestAuthority.create();
  const said: { message: string; fields: object | undefined }[] = [];
  let nowMs = Date.now();
  let look: (() => void) | null = null;
  const say = (_: string, message: string, fields?: object): void => void said.push({ message, fields });
  const watch = new CertificateWatch({
    log: { warn: say, error: say },
    epochMs: () => nowMs,
    after: (_, then) => {
      look = then;
      return () => (look = null);
    },
    looked: () => {},
  });
  return {
    watch,
    said,
    certificate: async (of, names, days, isRenewed = false) => {
      const notAfter = new Date(Math.floor(nowMs / 1000) * 1000 + days * DAY_MS);
      const { chain } = await authority.issue(names, { notAfter });
      return { of, names, key: "ecdsa", chain, isRenewed };
    },
    advance: (days) => {
      nowMs += days * DAY_MS;
      look?.();
    },
  };
}

test("each of several certificates that end at the same moment is warned of by its names, once", async () => {
  const { watch, said, certificate } = await stage();
  const certificates = [await certificate(":443", ["a.test"], 5), await certificate(":443", ["b.test"], 5)];
  watch.use("listener", certificates);
  watch.use("listener", certificates);
  watch.stop();
  assert.deepEqual(
    said.map(({ message }) => /the certificate for (\S+) on/.exec(message)?.[1]),
    ["a.test", "b.test"],
  );
});

test("the certificates of upstreams and of the admin address are watched as those of listeners are", async () => {
  const { watch, said, certificate, advance } = await stage();
  const shared = await certificate("app", ["me.test"], 20);
  watch.use("admin", [await certificate("127.0.0.1:9901", ["admin.test"], 30)]);
  watch.use("upstream", [shared, { ...shared, of: "other" }]);
  watch.use("listener", [{ ...shared, of: ":443" }]);
  assert.deepEqual(
    watch.readings().map(({ use, of, names: [name] }) => [use, of, name]),
    [
      ["listener", ":443", "me.test"],
      ["upstream", "app", "me.test"],
      ["upstream", "other", "me.test"],
      ["admin", "127.0.0.1:9901", "admin.test"],
    ],
  );
  assert.equal(said.length, 0);
  advance(10);
  advance(0);
  const day = new Date(watch.readings()[0]?.notAfterMs ?? 0).toISOString();
  assert.deepEqual(said.map(({ message }) => message).toSorted(), [
    `the certificate for me.test on :443 expires on ${day.slice(0, 10)}, in 9 days`,
    `the certificate that endpoints of upstream app are shown expires on ${day.slice(0, 10)}, in 9 days`,
  ]);
  assert.deepEqual(said.find(({ message }) => message.includes("upstream"))?.fields, { upstream: "app", expires: day, days: 9 });
  watch.use("listener", []);
  said.length = 0;
  advance(30);
  assert.deepEqual(
    said.map(({ message }) => message.replaceAll(/[-\d]{10}/g, "DAY")),
    [
      "the certificate for admin.test on the admin address 127.0.0.1:9901 has expired on DAY: clients refuse it",
      "the certificate that endpoints of upstream app are shown has expired on DAY: endpoints refuse it",
    ],
  );
});

test("a certificate that the proxy renews by itself is warned of in the last tenth of its life", async () => {
  const { watch, said, certificate, advance } = await stage();
  watch.use("listener", [await certificate(":443", ["a.test"], 30, true)]);
  advance(26);
  assert.equal(said.length, 0);
  advance(1.5);
  assert.match(said[0]?.message ?? "", /, in 2 days$/);
});
