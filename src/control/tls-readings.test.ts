/** What is known of all certificates of a process, whoever uses them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestAuthority, temporaryFiles } from "../../test/support/certificates.ts";
import { adminTlsSchema } from "../config/schema/tls/admin-tls-schema.ts";
import { testConfig, testUpstream } from "./config.fixture.ts";
import { events, refusal, started } from "./plane.fixture.ts";

test("the certificates of upstreams and of the admin address are in /status and /metrics, and their end is said", async (t) => {
  const authority = await TestAuthority.create();
  const [admin, me] = await Promise.all([
    authority.issue(["127.0.0.1"]),
    authority.client("CN=me", { notAfter: new Date(Date.now() + 7 * 86_400_000 - 60_000) }),
  ]);
  const files = temporaryFiles(t, { "admin.pem": admin.chain + admin.key, "me.pem": me.chain + me.key });
  const upstreams = (cert_file: string | undefined): { readonly app: ReturnType<typeof testUpstream> } => {
    const app = testUpstream(["https://127.0.0.1:1"]);
    return { app: { ...app, tls: { ...app.tls, cert_file } } };
  };
  const config = testConfig({
    workers: 1,
    upstreams: upstreams(files["me.pem"]),
    admin: { address: "127.0.0.1:0", hosts: [], tls: adminTlsSchema.parse({ cert_file: files["admin.pem"] }) },
  });
  const running = await started(t, config);
  const { plane } = running;
  assert.deepEqual(
    plane.status().certificates?.map(({ listener, upstream, admin: address, key }) => ({ listener, upstream, address, key })),
    [
      { listener: undefined, upstream: "app", address: undefined, key: "ecdsa" },
      { listener: undefined, upstream: undefined, address: "127.0.0.1:0", key: "ecdsa" },
    ],
  );
  assert.match(plane.metrics(), /^millrace_certificate_expiry_timestamp_seconds\{upstream="app",name="",key="ecdsa"\} \d+$/m);
  assert.match(
    plane.metrics(),
    /^millrace_certificate_expiry_timestamp_seconds\{admin="127\.0\.0\.1:0",name="127\.0\.0\.1",key="ecdsa"\} \d+$/m,
  );
  assert.deepEqual(
    events(running, "certificate_expires").map(({ message }) => String(message).replace(/[-\d]{10}/, "DAY")),
    ["the certificate that endpoints of upstream app are shown expires on DAY, in 6 days"],
  );
  assert.deepEqual(await refusal(running, { ...config, upstreams: upstreams(undefined) }), []);
  assert.deepEqual(
    plane.status().certificates?.map(({ upstream }) => upstream),
    [undefined],
  );
});
