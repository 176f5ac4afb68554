/** The key `security_headers` of a route, an upstream and the whole configuration: its schema and texts. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { securityHeadersFacts } from "./facts.ts";

export const securityHeadersSchema = z.enum(["standard", "strict", "off"], { error: "expected standard, strict or off" });

export type SecurityHeadersConfig = z.output<typeof securityHeadersSchema>;

export const securityHeadersDeclaration = {
  facts: securityHeadersFacts,
  schema: securityHeadersSchema,
  everywhere: true,
  description:
    "Fields that tell browsers to be careful: `Strict-Transport-Security` (over TLS only), `X-Content-Type-Options`, `X-Frame-Options`, `Referrer-Policy` and `Permissions-Policy`. `standard` suits most sites and adds what the origin does not send; `strict` allows as little as possible and replaces what the origin sends; `off` takes back what a wider place says. docs/headers.md has the values. Also on the proxy's own answers. Absent: none.",
  calledElsewhere: {
    "": "helmet secure_headers securityheaders hsts strict_transport_security content_type_nosniff frame_deny browser_xss_filter sts_seconds referrer_policy",
  },
} as const satisfies FeatureDeclaration;
