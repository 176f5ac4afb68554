import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { TestAuthority, temporaryFiles } from "../../../test/support/certificates.ts";
import { parseConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema/schema.ts";
import { createAppLog } from "../../observe/app-log.ts";
import type { TlsOfUpstreams } from "../../shared/upstream-tls.ts";
import { afterMs } from "../after-ms.ts";
import { CertificateWatch } from "./certificate-watch.ts";
import { UpstreamCertificates } from "./upstream-certificates.ts";

const authority = await TestAuthority.create();
const [one, other] = [await authority.client("CN=one"), await authority.client("CN=other")];

/** Under a clock that the test moves. Looks at files take turns of the real event loop. */
function followed(t: TestContext): {
  readonly all: UpstreamCertificates;
  readonly watch: CertificateWatch;
  readonly told: TlsOfUpstreams[];
  readonly lines: string[];
  readonly pass: (until: () => boolean) => Promise<void>;
} {
  const told: TlsOfUpstreams[] = [];
  const lines: string[] = [];
  const due: (() => void)[] = [];
  const log = createAppLog({ level: "info", format: "text", write: (line) => lines.push(line), now: () => 0 });
  const watch = new CertificateWatch({ log, epochMs: Date.now, after: () => () => {}, looked: () => {} });
  const all = new UpstreamCertificates({
    log,
    watch,
    epochMs: Date.now,
    after: (_, then) => {
      due.push(then);
      return () => void due.splice(due.indexOf(then), 1);
    },
    tell: (upstreams) => told.push(upstreams),
    changed: () => lines.push("changed"),
  });
  t.after(() => all.stop());
  const pass = async (until: () => boolean): Promise<void> => {
    for (let turn = 0; !until(); turn++) {
      assert.ok(turn < 2000, lines.join(""));
      due.shift()?.();
      await new Promise((resolve) => afterMs(1, () => resolve(null)));
    }
  };
  return { all, watch, told, lines, pass };
}

function upstreamsOf(...settings: readonly string[]): Config["upstreams"] {
  const all = settings.map((tls, index) => `u${index}: { endpoints: ["https://a.test"], tls: ${tls} }`);
  const read = parseConfig(
    `listeners: [{ address: ":1" }]\nupstreams: { ${all.join(", ")} }\nroutes: [{ upstream: u0 }]\n`,
    "f",
    {},
    () => "",
  );
  assert.ok("config" in read, JSON.stringify(read));
  return read.config.upstreams;
}

test("upstreams with the same files share what they hold; a wrong file is told with its name, and changes nothing", (t) => {
  const { all, told } = followed(t);
  const files = temporaryFiles(t, { "ca.pem": authority.certificate, "me.pem": one.chain, "me.key": one.key, "bad.pem": "no PEM" });
  const mine = `{ ca_file: ${files["ca.pem"]}, cert_file: ${files["me.pem"]}, key_file: ${files["me.key"]} }`;
  const upstreams = upstreamsOf(mine, mine, "{}");
  assert.deepEqual(all.prepare(upstreams), []);
  const [tls, same, plain] = Object.values(upstreams).map((each) => all.tlsOf(each.tls));
  assert.deepEqual([tls?.ca, tls?.certificate?.key], [authority.certificate, one.key]);
  assert.deepEqual(same, tls);
  assert.deepEqual([plain?.ca, plain?.certificate], [null, null]);
  assert.equal(told.at(-1)?.length, 1);
  assert.ok(!tls?.id.includes(one.key.slice(40, 80)), "the id holds no key");
  const wrong = upstreamsOf(`{ ca_file: ${files["bad.pem"]} }`);
  assert.deepEqual(all.prepare(wrong), [`${files["bad.pem"]} holds no PEM certificate`]);
  assert.throws(() => all.tlsOf(Object.values(wrong)[0]?.tls ?? assert.fail()), /not read/);
  all.keep(upstreams);
  assert.equal(told.length, 1);
  assert.deepEqual(all.prepare(upstreamsOf("{}")), []);
  all.keep(upstreamsOf("{}"));
  assert.deepEqual(told.at(-1), []);
});

test("a changed file is used, once its key has come too; a bad one is not", async (t) => {
  const { all, watch, told, lines, pass } = followed(t);
  const files = temporaryFiles(t, { "me.pem": one.chain, "me.key": one.key, "next.pem": other.chain, "next.key": other.key });
  const upstreams = upstreamsOf(`{ cert_file: ${files["me.pem"]}, key_file: ${files["me.key"]} }`);
  const tls = Object.values(upstreams)[0]?.tls ?? assert.fail();
  assert.deepEqual(all.prepare(upstreams), []);
  all.keep(upstreams);
  const { id } = all.tlsOf(tls);
  renameSync(files["next.pem"], files["me.pem"]);
  renameSync(files["next.key"], files["me.key"]);
  await pass(() => lines.includes("changed"));
  assert.equal(told.at(-1)?.[0]?.[1].certificate?.key, other.key);
  assert.notEqual(all.tlsOf(tls).id, id);
  assert.deepEqual(watch.counts, { read: 1, refused: 0 });
  assert.deepEqual(
    watch.readings().map(({ use, of, key }) => [use, of, key]),
    [["upstream", "u0", "ecdsa"]],
  );
  writeFileSync(files["me.pem"], "damaged");
  await pass(() => watch.counts.refused > 0);
  assert.match(lines.join(""), /certificate_file_refused the old version stays in use: \S+me\.pem holds no PEM certificate/);
  assert.equal(all.tlsOf(tls).certificate?.key, other.key);
  const { chain, key } = await authority.client("CN=old", { valid: "expired" });
  writeFileSync(files["me.key"], key);
  writeFileSync(files["me.pem"], chain);
  await pass(() => watch.counts.refused > 1);
  assert.match(lines.join(""), /me\.pem has expired on [-\d]+: endpoints refuse it/);
  assert.equal(all.tlsOf(tls).certificate?.key, other.key);
  assert.ok(!lines.join("").includes(other.key.slice(40, 80)));
});
