// The same as login.yaml, in TypeScript.
import { defineConfig } from "millrace";

const login = {
  oidc: {
    issuer: "https://id.example.com",
    client_id: "app",
    client_secret: "${OIDC_SECRET:-change-me}",
    scopes: ["profile", "email", "offline_access"],
    post_logout_path: "/bye",
    claims: { roles: "groups" },
    session: { keys: ["${SESSION_KEY:-change me to what openssl rand -base64 32 prints}"] },
  },
  identity_headers: { user: "X-User", roles: "X-Roles", claims: { email: "X-Email" } },
};

export default defineConfig({
  listeners: [
    { address: ":8080", redirect_to_https: true },
    { address: ":8443", tls: { internal: {} } },
  ],
  upstreams: { app: { endpoints: ["http://127.0.0.1:3000"] } },
  routes: [
    { match: { path: "/bye" }, respond: { body: "You have logged out.\n" } },
    { match: { path: "/admin/*" }, authentication: login, require: { roles: ["administrators"] }, upstream: "app" },
    { match: { path: "/api/*" }, authentication: { ...login, tokens: ["${API_TOKEN:-change-me}"] }, upstream: "app" },
    { authentication: login, upstream: "app" },
  ],
});
