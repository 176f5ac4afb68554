/** Configurations with secrets, in wrong places and in their own. */

/** Every secret in them. */
export const SECRET: RegExp = /hunter2|c0rrecthorse/;

/** Secrets wherever they do not belong. */
export const MISPLACED: string = `listeners: [{ address: "admin:hunter2@10.0.0.1:80" }, { address: "hunter2" }]
upstreams:
  app: { endpoints: ["https://h/?token=hunter2", "http://admin:hunter2@h", hunter2, { url: hunter2, token: hunter2 }], tls: { ca_file: "https://u:hunter2@h" } }
  hunter2c0rrecthorse:
routes:
  - { match: { host: "https://hunter2@h", path: hunter2, headers: { "hunter2 x": hunter2 } }, upstream: hunter2, token: hunter2, hunter2: 1 }
  - { authentication: { tokens: { hunter2: hunter2 } }, upstream: app }
  - { authentication: hunter2, upstream: app, cors: { allowed_origins: ["hunter2"] } }
  - { authentication: { tokens: ["\${hunter2}", "\${X:-hunter2"] , hunter2: x }, upstream: app }
admin: { address: hunter2, token: [hunter2] }
logging: { level: hunter2, output: "\${c0rrecthorse}" }
workers: hunter2
hunter2: hunter2
`;

/** Secrets in their places; the environment variable MILLRACE_TEST_TOKEN is one of them. */
export const wellPlaced = (origin: string): string => `listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["${origin}"] } }
routes:
  - match: { path: /keyed, headers: { X-Edge: hunter2 } }
    upstream: app
  - authentication: { tokens: ["\${MILLRACE_TEST_TOKEN}", "hunter2 c0rrecthorse"] }
    upstream: app
admin: { address: "127.0.0.1:0", token: hunter2-admin }
`;
