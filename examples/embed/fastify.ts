/** Millrace inside a Fastify app: the proxy takes what its routes name, Fastify the rest. */
import fastify from "fastify";
import { createProxy } from "millrace";

const proxy = await createProxy({
  upstreams: { app: { endpoints: [process.env["ORIGIN"] ?? "http://127.0.0.1:8080"] } },
  routes: [{ match: { path: "/api/*" }, upstream: "app" }],
  logging: { output: "stderr", access: false },
  shutdown: { timeout: "5s" },
});

const app = fastify();
// The first hook of a request, before Fastify reads the body. `done` is called for what no route of the proxy takes.
app.addHook("onRequest", (request, reply, done) => proxy.handler(request.raw, reply.raw, done));
// Before Fastify waits for its connections, among which those of WebSockets would keep it waiting.
app.addHook("preClose", () => proxy.close());
app.server.on("upgrade", proxy.upgrade);

app.get("/about", () => "about, by Fastify\n");

console.log("listening on", await app.listen({ port: Number(process.env["PORT"] ?? 3000), host: "127.0.0.1" }));

process.once("SIGTERM", () => void app.close());
