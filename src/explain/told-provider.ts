/** Stands for identity providers, which `explain` does not ask: says where a provider would have its pages. */
import type { LoginPorts } from "../proxy/feature/login-ports.ts";
import { noLogins } from "../proxy/feature/login-ports.ts";

const METADATA = "/.well-known/openid-configuration";

/** Logins lead to a URL below the issuer that says what the provider's own settings would say. */
export function toldProvider(): LoginPorts {
  return {
    ...noLogins("explain asks nobody"),
    epochMs: () => Date.now(),
    ask: ({ url }) => {
      if (!url.endsWith(METADATA)) return Promise.resolve({ problem: "explain asks nobody" });
      const issuer = url.slice(0, -METADATA.length);
      const body = JSON.stringify({
        issuer,
        authorization_endpoint: `${issuer}/AUTHORIZATION-ENDPOINT`,
        token_endpoint: `${issuer}/TOKEN-ENDPOINT`,
        jwks_uri: `${issuer}/KEYS`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        code_challenge_methods_supported: ["S256"],
      });
      return Promise.resolve({ status: 200, fields: [["content-type", "application/json"]], body });
    },
  };
}
