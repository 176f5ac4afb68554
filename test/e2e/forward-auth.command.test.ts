/** `authentication.forward` with real peers: nginx decides, and a login as that of oauth2-proxy is walked through with curl. */
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { accepting } from "../support/accepting.ts";
import { freePort } from "../support/free-port.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";

const missing = ["nginx", "curl"].filter((program) => spawnSync(program, ["-V"], { stdio: "ignore" }).error !== undefined);
const skip = missing.length > 0 && `not installed: ${missing.join(" ")}`;

async function served(server: http.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Does what oauth2-proxy does with `--upstream=static://202` and `--skip-provider-button`, less the provider. */
function login(): http.Server {
  return http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://service");
    const { "x-forwarded-proto": proto, "x-forwarded-host": host, "x-forwarded-uri": uri, cookie } = request.headers;
    if (pathname === "/oauth2/callback")
      response.writeHead(302, {
        Location: searchParams.get("state") ?? "",
        "Set-Cookie": ["_oauth2_proxy=good; Path=/; HttpOnly", "_oauth2_proxy_csrf=; Max-Age=0"],
      });
    else if (/(?:^|; )_oauth2_proxy=good/.test(cookie ?? ""))
      response.writeHead(202, { "X-Auth-Request-User": "alice", "X-Auth-Request-Email": "alice@example.com" });
    else
      response.writeHead(302, {
        Location: `/oauth2/callback?state=${encodeURIComponent(`${String(proto)}://${String(host)}${String(uri)}`)}`,
      });
    response.end();
  });
}

describe("a service that decides who may come in", { skip }, () => {
  let folder = "";
  let nginx: ChildProcess;
  let proxy: Millrace;
  const service = login();
  const app = http.createServer(
    (request, response) => void request.on("data", () => {}).on("end", () => response.end(JSON.stringify(request.headers))),
  );

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millrace-forward-"));
    await chmod(folder, 0o755);
    const port = await freePort();
    await writeFile(
      path.join(folder, "nginx.conf"),
      `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${port};
    keepalive_timeout 1s;
    location = /verify {
      if ($http_x_forwarded_method = DELETE) { return 403 "no $http_x_forwarded_method of $http_x_forwarded_uri"; }
      if ($cookie_s != good) { return 401; }
      add_header Remote-User $http_x_forwarded_for;
      return 204;
    }
  }
}`,
    );
    nginx = spawn("nginx", ["-p", folder, "-c", path.join(folder, "nginx.conf")], { stdio: "ignore" });
    await accepting(port, nginx);
    const [appPort, servicePort] = [await served(app), await served(service)];
    proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams:
  app: { endpoints: ["http://127.0.0.1:${appPort}"] }
  login: { endpoints: ["http://127.0.0.1:${servicePort}"] }
routes:
  - { match: { path: /oauth2/* }, upstream: login }
  - match: { path: /nginx/* }
    upstream: app
    authentication: { forward: { url: "http://127.0.0.1:${port}/verify", copy: [Remote-User] } }
  - upstream: app
    authentication:
      forward: { url: "http://127.0.0.1:${servicePort}/", copy: [X-Auth-Request-Email], user: X-Auth-Request-User }
logging: { access: { fields: [outcome, user] } }
`);
  });

  after(async () => {
    assert.equal(await proxy.stop(), 0);
    nginx.kill("SIGTERM");
    for (const server of [app, service]) {
      server.closeAllConnections();
      server.close();
    }
    await rm(folder, { recursive: true, force: true });
  });

  const url = (to: string): string => `http://127.0.0.1:${proxy.port}${to}`;

  test("nginx as the service lets in and refuses, by method, path and cookie", async () => {
    const forged = { Cookie: "s=good", "Remote-User": "root", "X-Forwarded-For": "10.0.0.1" };
    const admitted = await fetch(url("/nginx/a?b=c"), { headers: forged, method: "POST", body: "x".repeat(100_000) });
    assert.equal(admitted.status, 200);
    assert.equal(((await admitted.json()) as Record<string, string>)["remote-user"], "127.0.0.1");
    const refused = await fetch(url("/nginx/a?b=c"), { headers: { Cookie: "s=bad" } });
    assert.deepEqual([refused.status, (await refused.text()).includes("<center>nginx")], [401, true]);
    const forbidden = await fetch(url("/nginx/a%2Fb?c"), { method: "DELETE" });
    assert.deepEqual([forbidden.status, await forbidden.text()], [403, "no DELETE of /nginx/a%2Fb?c"]);
  });

  test("a login as that of oauth2-proxy leads back to the page that was asked for", async () => {
    const curl = async (...args: string[]): Promise<string> => {
      const jar = path.join(folder, "jar");
      return (await promisify(execFile)("curl", ["-sS", "-m", "20", "-b", jar, "-c", jar, ...args])).stdout;
    };
    const first = await curl("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", url("/page?x=1&y=2"));
    assert.equal(first, `302 ${url("/oauth2/callback?state=")}${encodeURIComponent(url("/page?x=1&y=2"))}`);
    const page = await curl("-L", "-w", "\n%{http_code} %{num_redirects} %{url_effective}", url("/page?x=1&y=2"));
    const [body = "", facts] = page.split("\n");
    assert.equal(facts, `200 2 ${url("/page?x=1&y=2")}`);
    assert.equal((JSON.parse(body) as Record<string, string>)["x-auth-request-email"], "alice@example.com");
    await proxy.until((output) => output.includes('"user":"alice"'), "the user in the access log");
  });
});
