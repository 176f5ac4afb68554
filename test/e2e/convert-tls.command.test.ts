/**
 * What `millrace convert` makes of TLS in a configuration of nginx or Caddy serves as these do: the real program beside it, with the same
 * certificates, and the same clients at both.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { TestAuthority, temporaryFiles } from "../support/certificates.ts";
import type { TestCertificate } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { MAIN } from "../support/run-command.ts";

/** A program that has such a configuration. */
interface Other {
  readonly name: string;
  readonly version: readonly string[];
  /** As somebody has it. FOLDER stands for where the certificates are, ORIGIN for an address. */
  readonly config: string;
  /** The name of its file. */
  readonly file: string;
  /** What the program is given in a test, with ports of its own and no other folder. */
  beside(config: string, folder: string, ports: Ports): string;
  readonly argv: (folder: string, file: string) => readonly string[];
  readonly hosts: readonly string[];
  /** Whether plain HTTP on the port of TLS is led to https. */
  readonly isLedThere: boolean;
}

interface Ports {
  readonly plain: number;
  readonly secure: number;
}

const HOSTS = ["open.test", "www.open.test", "a.wild.test", "closed.test", "some.test", "all.test"];

const NGINX: Other = {
  name: "nginx",
  version: ["nginx", "-v"],
  file: "nginx.conf",
  config: `events {} http {
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:!aNULL;
  ssl_session_cache shared:SSL:1m;
  server { listen 80 default_server; server_name _; return 301 https://$host$request_uri; }
  server { listen 443 ssl default_server; server_name open.test www.open.test;
    ssl_certificate FOLDER/open.pem; ssl_certificate_key FOLDER/open.key;
    error_page 497 https://$host$request_uri;
    location / { proxy_pass http://ORIGIN; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme; }
    location /own { return 200 "$scheme $host $request_uri"; } }
  server { listen 443 ssl; server_name *.wild.test;
    ssl_certificate FOLDER/wild.pem; ssl_certificate_key FOLDER/wild.key; ssl_password_file FOLDER/passphrase;
    location / { return 200 "wild $host"; } }
  server { listen 443 ssl; server_name closed.test;
    ssl_certificate FOLDER/closed.pem; ssl_certificate_key FOLDER/closed.key;
    ssl_client_certificate FOLDER/ca.pem; ssl_crl FOLDER/crl.pem; ssl_verify_client on;
    location / { proxy_pass http://ORIGIN; proxy_set_header X-Verified $ssl_client_verify; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme; } }
  server { listen 443 ssl; server_name some.test;
    ssl_certificate FOLDER/shared.pem; ssl_certificate_key FOLDER/shared.key;
    ssl_client_certificate FOLDER/ca.pem; ssl_crl FOLDER/crl.pem; ssl_verify_client optional;
    location / { return 200 "some"; }
    location /admin { if ($ssl_client_verify != SUCCESS) { return 403; } return 200 "admin"; }
    location /alice { if ($ssl_client_s_dn != "CN=alice,O=Example") { return 403; } return 200 "alice"; } }
  server { listen 443 ssl; server_name all.test;
    ssl_certificate FOLDER/shared.pem; ssl_certificate_key FOLDER/shared.key;
    location / { return 200 "all"; } }
}`,
  beside: (config, folder, { plain, secure }) => {
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
    const own = config.replaceAll("listen 80", `listen 127.0.0.1:${plain}`).replaceAll("listen 443", `listen 127.0.0.1:${secure}`);
    return `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log; ${own.replace("http {", `http { access_log off; ${temporary}`)}`;
  },
  argv: (folder, file) => ["nginx", "-p", folder, "-c", file],
  hosts: [...HOSTS, "unknown.test"],
  isLedThere: true,
};

const CADDY: Other = {
  name: "Caddy",
  version: ["caddy", "version"],
  file: "Caddyfile",
  config: `open.test, www.open.test {
	tls FOLDER/open.pem FOLDER/open.key {
		protocols tls1.2 tls1.3
		ciphers TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
		curves x25519 secp256r1
	}
	respond /own "{scheme} {host} {uri}"
	reverse_proxy ORIGIN
}
*.wild.test {
	tls FOLDER/wild.pem FOLDER/wild-plain.key
	respond "wild {host}"
}
closed.test {
	tls FOLDER/closed.pem FOLDER/closed.key {
		client_auth {
			mode require_and_verify
			trusted_ca_cert_file FOLDER/ca.pem
		}
	}
	reverse_proxy ORIGIN
}
some.test {
	tls FOLDER/shared.pem FOLDER/shared.key {
		client_auth {
			mode verify_if_given
			trusted_ca_cert_file FOLDER/ca.pem
		}
	}
	respond "some"
}
all.test {
	tls FOLDER/shared.pem FOLDER/shared.key
	respond "all"
}
`,
  beside: (config, _, { plain, secure }) => `{\n\tadmin off\n\thttp_port ${plain}\n\thttps_port ${secure}\n}\n${config}`,
  argv: (_, file) => ["caddy", "run", "--config", file, "--adapter", "caddyfile"],
  hosts: HOSTS,
  isLedThere: false,
};

interface Client {
  readonly name: string;
  readonly certificate: TestCertificate | null;
}

/** What became of a request. */
interface Outcome {
  /** "refused": no answer, or one that keeps the client away. */
  readonly status: number | "refused";
  readonly body: string;
  readonly location: string;
  /** Fingerprint of the certificate that was shown. */
  readonly shown: string;
}

testBeside(NGINX);
testBeside(CADDY);

function testBeside(program: Other): void {
  const [command = "", ...args] = program.version;
  const installed = spawnSync(command, args, { stdio: "ignore" }).status === 0;
  describe(`TLS beside ${program.name}`, { skip: installed ? false : `${command} is not installed: apt-get install ${command}` }, () => {
    const clients: Client[] = [{ name: "without a certificate", certificate: null }];
    const cleanUps: (() => void)[] = [];
    let authority: TestAuthority;
    let origin: http.Server;
    let other: ChildProcess | undefined;
    let millrace: Millrace | undefined;
    const otherPorts = { plain: 0, secure: 0 };
    const ports = { plain: 0, secure: 0 };
    let checked = { code: -1, said: "" };

    before(async () => {
      authority = await TestAuthority.create();
      const issued = {
        open: await authority.issue(["open.test", "www.open.test"]),
        wild: await authority.issue(["*.wild.test"]),
        closed: await authority.issue(["closed.test"], { key: "rsa" }),
        shared: await authority.issue(["some.test", "all.test"]),
      };
      const [alice, bob, gone] = [
        await authority.client("CN=alice,O=Example"),
        await authority.client("CN=bob,O=Example"),
        await authority.client("CN=gone,O=Example"),
      ];
      const stranger = await (await TestAuthority.create()).client("CN=alice,O=Example");
      for (const [name, certificate] of Object.entries({ alice, bob, gone, stranger })) clients.push({ name, certificate });
      const { folder } = temporaryFiles(
        { after: (done) => cleanUps.push(done) },
        {
          ...Object.fromEntries(
            Object.entries(issued).flatMap(([name, { chain, key }]) => [
              [`${name}.pem`, chain],
              [`${name}.key`, key],
            ]),
          ),
          "wild-plain.key": issued.wild.key,
          "wild.key": encrypted(issued.wild.key, "open sesame"),
          passphrase: "open sesame\n",
          "ca.pem": authority.certificate,
          "crl.pem": await authority.crl([gone]),
        },
      );
      chmodSync(folder, 0o755);
      origin = http.createServer((request, response) => {
        response.end(`origin ${request.url ?? ""} ${request.headers.host ?? ""} ${String(request.headers["x-forwarded-proto"] ?? "")}`);
      });
      origin.listen(0, "127.0.0.1");
      await once(origin, "listening");
      const config = program.config
        .replaceAll("FOLDER", folder)
        .replaceAll("ORIGIN", `127.0.0.1:${(origin.address() as AddressInfo).port}`);

      [otherPorts.plain, otherPorts.secure] = [await freePort(), await freePort()];
      const besideFile = path.join(folder, "beside.conf");
      writeFileSync(besideFile, program.beside(config, folder, otherPorts));
      const [path0 = "", ...given] = program.argv(folder, besideFile);
      const homes = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
      const child = spawn(path0, given, { stdio: ["ignore", "ignore", "pipe"], env: { PATH: process.env["PATH"], ...homes } });
      other = child;
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (each: string) => (said += each));

      const source = path.join(folder, program.file);
      writeFileSync(source, config);
      const output = path.join(folder, "millrace.yaml");
      const converted = spawnSync(process.execPath, [MAIN, "convert", source, "--output", output], { encoding: "utf8" });
      assert.equal(converted.status, 0, converted.stderr);
      const check = spawnSync(process.execPath, [MAIN, "check", "--config", output], { encoding: "utf8" });
      checked = { code: check.status ?? -1, said: check.stdout + check.stderr };
      const yaml = readFileSync(output, "utf8");
      assert.match(yaml, /address: ":80"\n {4}redirect_to_https: true\n {2}- address: ":443"/);
      const logging = "workers: 1\nlogging: { level: info, format: json, access: false }\n";
      const proxy = await startMillrace(yaml.replace('":80"', '"127.0.0.1:0"').replace('":443"', '"127.0.0.1:0"') + logging);
      const secure = /listening on https:\/\/[^\s"]*?:(\d+)/;
      millrace = proxy;
      await proxy.until((output) => secure.test(output), "the listener with TLS");
      Object.assign(ports, { plain: proxy.port, secure: Number(secure.exec(proxy.output())?.[1]) });
      const limit = Date.now() + 10_000;
      for (;;) {
        assert.ok(child.exitCode === null && Date.now() < limit, said);
        if ((await ask(otherPorts.secure, "open.test", "/", { name: "", certificate: null })).status === 200) return;
      }
    });

    after(async () => {
      await millrace?.stop();
      other?.kill("SIGTERM");
      origin.closeAllConnections();
      origin.close();
      for (const cleanUp of cleanUps) cleanUp();
    });

    async function ask(port: number, host: string, target: string, { certificate }: Client, servername: string = host): Promise<Outcome> {
      const request = https.request({
        host: "127.0.0.1",
        port,
        path: target,
        servername,
        headers: { host },
        agent: false,
        ca: authority.certificate,
        // The default server's certificate is for other names.
        checkServerIdentity: () => undefined,
        signal: AbortSignal.timeout(10_000),
        ...(certificate === null ? {} : { cert: certificate.chain, key: certificate.key }),
      });
      try {
        request.end();
        const [response] = (await once(request, "response")) as [http.IncomingMessage];
        const shown = (response.socket as TLSSocket).getPeerCertificate().fingerprint256;
        const body = await text(response);
        const status = response.statusCode ?? 0;
        // Who shows no certificate where one is required gets no connection from Millrace, and 400 from nginx.
        if (status === 400 || status === 403 || status === 421) return { status: "refused", body: "", location: "", shown: "" };
        return { status, body, location: response.headers.location ?? "", shown };
      } catch (error) {
        assert.notEqual((error as Error).name, "AbortError");
        return { status: "refused", body: "", location: "", shown: "" };
      }
    }

    test("millrace check finds nothing wrong with the files", () => {
      assert.equal(checked.code, 0, checked.said);
      assert.match(checked.said, /listener :443, TLS for open\.test/);
      assert.doesNotMatch(checked.said, /no certificate|other rules/);
    });

    test("every name and every client get the same from both", async () => {
      const differences: object[] = [];
      const statuses = new Set<number | string>();
      for (const client of clients)
        for (const host of program.hosts)
          for (const target of ["/", "/own?x=1", "/admin", "/alice"]) {
            const [theirs, ours] = [await ask(otherPorts.secure, host, target, client), await ask(ports.secure, host, target, client)];
            statuses.add(ours.status);
            // A certificate that is not trusted ends the handshake under every name that asks for one.
            const isLenient =
              host === "all.test" && theirs.status === 200 && ours.status === "refused" && /gone|stranger/.test(client.name);
            if (!isLenient && JSON.stringify(theirs) !== JSON.stringify(ours))
              differences.push({ client: client.name, host, target, theirs, ours });
          }
      assert.deepEqual(differences, []);
      assert.deepEqual([...statuses].sort(), [200, "refused"]);
    });

    test("no connection that was made for an open name leads to a closed one", async () => {
      for (const client of clients)
        for (const servername of ["open.test", "some.test", "all.test", "a.wild.test", "unknown.test"]) {
          const { status } = await ask(ports.secure, "closed.test", "/", client, servername);
          assert.equal(status, "refused", `${client.name} by ${servername}`);
        }
    });

    test("requests without TLS are led to https by both", async () => {
      const wrong = program.isLedThere ? [otherPorts.secure, ports.secure] : [];
      for (const port of [otherPorts.plain, ports.plain, ...wrong]) {
        const request = http.get({ host: "127.0.0.1", port, path: "/a?b", headers: { host: "open.test" }, agent: false });
        const [response] = (await once(request, "response")) as [http.IncomingMessage];
        response.resume();
        assert.match(response.headers.location ?? "", /^https:\/\/open\.test(?::\d+)?\/a\?b$/);
      }
    });
  });
}

function encrypted(key: string, passphrase: string): string {
  const { stdout, status, stderr } = spawnSync("openssl", ["pkcs8", "-topk8", "-passout", `pass:${passphrase}`], {
    input: key,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout;
}
