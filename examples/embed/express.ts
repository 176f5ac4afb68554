/** Millrace inside an Express app: the proxy answers below /api, the app answers the rest. */
import express from "express";
import { createProxy } from "millrace";

const proxy = await createProxy({
  upstreams: { app: { endpoints: [process.env["ORIGIN"] ?? "http://127.0.0.1:8080"] } },
  // Express takes the path of the mount off the URL: a client's /api/v1/users is /v1/users here and at the endpoint.
  routes: [{ match: { path: "/v1/*" }, upstream: "app" }],
  logging: { output: "stderr", access: false },
  shutdown: { timeout: "5s" },
});

const app = express();
// Better after the proxy, which then streams every body. Here it comes first, to show that the proxy writes anew what was parsed.
app.use(express.json());
app.use("/api", proxy.handler);
// No route of the proxy takes /about, so the request comes here.
app.get("/api/about", (_request, response) => void response.send("about, by Express\n"));

const server = app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log("listening on", server.address());
});

// An upgrade (WebSocket) does not pass Express: nobody else takes the path of the mount off, or closes what is not for the proxy.
server.on("upgrade", (request, socket, head) => {
  if (request.url?.startsWith("/api/") !== true) return void socket.destroy();
  request.url = request.url.slice("/api".length);
  proxy.upgrade(request, socket, head);
});

process.once("SIGTERM", () => {
  server.close();
  void proxy.close();
});
