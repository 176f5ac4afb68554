/** Millrace inside a Hono app, through requests and responses of the web's standard. */
import { serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { Hono } from "hono";
import { createProxy } from "millrace";

const proxy = await createProxy({
  upstreams: { app: { endpoints: [process.env["ORIGIN"] ?? "http://127.0.0.1:8080"] } },
  routes: [{ match: { path: "/api/*" }, upstream: "app" }],
  logging: { output: "stderr", access: false },
  shutdown: { timeout: "5s" },
});

const app = new Hono();
// A `Request` does not say who sent it; without `client` no rule about addresses would know.
app.all("/api/*", (context) => proxy.fetch(context.req.raw, { client: getConnInfo(context).remote.address }));
app.get("/about", (context) => context.text("about, by Hono\n"));

const server = serve({ fetch: app.fetch, port: Number(process.env["PORT"] ?? 3000), hostname: "127.0.0.1" }, (address) =>
  console.log("listening on", address),
);
server.on("upgrade", proxy.upgrade);

process.once("SIGTERM", () => {
  server.close();
  void proxy.close();
});
