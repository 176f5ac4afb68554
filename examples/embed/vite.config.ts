/** Millrace inside Vite's development server, in place of `server.proxy`. */
import { createProxy } from "millrace";
import type { MillraceProxy, ProxyConfig } from "millrace";
import { defineConfig } from "vite";
import type { Plugin } from "vite";

function millrace(config: ProxyConfig): Plugin {
  let proxy: MillraceProxy | undefined;
  return {
    name: "millrace",
    apply: "serve",
    async configureServer(server) {
      const { handler, upgrade } = (proxy = await createProxy(config));
      // Before Vite's own middleware, which gets what no route of the proxy takes.
      server.middlewares.use(handler);
      server.httpServer?.on("upgrade", (request, socket, head) => {
        // All others are Vite's: its WebSocket tells the browser what has changed.
        if (request.url?.startsWith("/api/")) upgrade(request, socket, head);
      });
    },
    // Called when Vite ends, and when it starts anew because this file has changed.
    closeBundle: () => proxy?.close(),
  };
}

export default defineConfig({
  server: { host: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) },
  plugins: [
    millrace({
      upstreams: { app: { endpoints: [process.env["ORIGIN"] ?? "http://127.0.0.1:8080"] } },
      routes: [{ match: { path: "/api/*" }, upstream: "app" }],
      logging: { output: "stderr", access: false },
      shutdown: { timeout: "5s" },
    }),
  ],
});
