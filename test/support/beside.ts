/**
 * A configuration of nginx or Caddy, served by that program and, converted, by Millrace: the same requests to both, and what became of each. The text
 * names origins by ports from 7001 on, which are those of origins that say what they got.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { convert } from "../../src/convert/convert.ts";
import { parseConfig } from "../../src/config/load.ts";
import { explain } from "../../src/explain/explanation.ts";
import type { Format } from "../../src/convert/convert.ts";
import type { Note } from "../../src/convert/model/notes.ts";
import { sourcesFor } from "../../src/cli/convert-sources.ts";
import { accepting } from "./accepting.ts";
import { freePort } from "./free-port.ts";
import { startMillrace } from "./millrace.ts";
import type { Millrace } from "./millrace.ts";

/** A request: `GET http://host/path`, and fields after it. */
export interface Asked {
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** What became of a request, in a form that can be compared. */
export interface Outcome {
  readonly status: number;
  /** Absolute, without port. */
  readonly location: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
  /** What the origin got, or the text of another answer that is no error. */
  readonly body: string;
}

/** Where a request ends according to `explain`. */
export interface Explained {
  /** The origin that gets the request; null: none does. */
  readonly origin: string | null;
  /** The status of an answer of the proxy's own; null: an origin answers. */
  readonly status: number | null;
}

export interface Beside {
  /** The converted configuration. */
  readonly text: string;
  readonly notes: readonly Note[];
  /** What the other program does with the request. */
  other(asked: Asked): Promise<Outcome>;
  millrace(asked: Asked): Promise<Outcome>;
  /** What `explain` says about the request. */
  explained(asked: Asked): Promise<Explained>;
  close(): Promise<void>;
}

/**
 * Starts both.
 * @param config for nginx what stands in `http`, with `LISTEN` for the address to listen at; for Caddy the file, with `PORT` for the port of its sites;
 * `FOLDER` stands for a folder with the files
 * @param shown names of response fields that are compared
 */
export async function beside(
  format: Format,
  config: string,
  files: Readonly<Record<string, string>>,
  shown: readonly string[],
): Promise<Beside> {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-convert-"));
  // nginx started by root reads files as another user.
  await chmod(folder, 0o755);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  const origins = new Map<string, http.Server>();
  const ports = [...new Set([...config.matchAll(/:(70\d\d)\b/g)].map((match) => match[1] ?? ""))];
  for (const port of ports) origins.set(port, await startOrigin(port));
  const own = [...origins]
    .reduce((text, [port, origin]) => text.replaceAll(`:${port}`, `:${portOf(origin)}`), config)
    .replaceAll("FOLDER", folder);
  const port = await freePort();
  const child = await (format === "nginx" ? startNginx : startCaddy)(own, folder, port);
  let proxy: Millrace | undefined;
  const close = async (): Promise<void> => {
    await proxy?.stop();
    if (child.exitCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }
    for (const origin of origins.values()) {
      origin.closeAllConnections();
      origin.close();
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await accepting(port, child);
    const given = own.replaceAll("LISTEN", "80").replaceAll("PORT", "80");
    const made = convert(given, format, { format }, await sourcesFor(path.join(folder, "file")));
    if (made.fault !== undefined) throw new Error(`line ${made.fault.place.line}: ${made.fault.message}`);
    for (const { name, text } of made.files) await writeFile(path.join(folder, name), text);
    const whole = made.files.reduce((text, { name }) => text.replaceAll(`users_file: ${name}`, `users_file: ${folder}/${name}`), made.text);
    proxy = await startMillrace(
      `${whole.replace('":80"', '"127.0.0.1:0"')}workers: 1\nlogging: { level: info, format: json, access: false }\n`,
    );
    const proxyPort = proxy.port;
    const names = new Map([...origins].map(([name, origin]) => [String(portOf(origin)), name]));
    return {
      text: made.text,
      notes: made.notes,
      other: (asked) => outcomeOf(asked, port, shown, names),
      millrace: (asked) => outcomeOf(asked, proxyPort, shown, names),
      explained: (asked) => explainedOf(asked, made.text, names),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startNginx(config: string, folder: string, port: number): Promise<ChildProcess> {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/tmp-${name};`)
    .join(" ");
  const file = path.join(folder, "nginx.conf");
  await writeFile(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http { access_log off; types { text/html html; text/css css; } ${temporary}
${config.replaceAll("LISTEN", `127.0.0.1:${port}`)} }
`,
  );
  return spawn("nginx", ["-p", folder, "-c", file], { stdio: ["ignore", "ignore", "pipe"] });
}

async function startCaddy(config: string, folder: string, port: number): Promise<ChildProcess> {
  const file = path.join(folder, "Caddyfile");
  await writeFile(file, `{\n\tadmin off\n\tauto_https off\n}\n${config.replaceAll("PORT", String(port))}`);
  const environment = { PATH: process.env["PATH"], HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  return spawn("caddy", ["run", "--config", file, "--adapter", "caddyfile"], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
  });
}

function portOf(server: http.Server): number {
  return (server.address() as AddressInfo).port;
}

/** Says which origin it is, and what it got. A path that ends in `/leads` is answered with a redirect to the origin's own address. */
async function startOrigin(name: string): Promise<http.Server> {
  const origin = http.createServer((request, response) => {
    const { method, url = "", headers } = request;
    const got = Object.fromEntries(
      Object.entries(headers)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .filter(([field]) => /^(?:host|x-(?!forwarded-)|accept-encoding|authorization)/.test(field)),
    );
    const leads = url.endsWith("/leads") ? { location: `http://127.0.0.1:${portOf(origin)}/login` } : {};
    response.writeHead(url.endsWith("/leads") ? 302 : 200, {
      "content-type": "text/plain",
      "x-powered-by": "origin",
      "set-cookie": "a=1; Path=/; Domain=origin.test",
      ...leads,
    });
    response.end(JSON.stringify({ origin: name, method, url, ...got }));
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  return origin;
}

async function explainedOf({ method, host, target, fields }: Asked, text: string, names: ReadonlyMap<string, string>): Promise<Explained> {
  const parsed = parseConfig(text, "converted", {}, () => "");
  if ("problems" in parsed) throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
  const lines = Object.entries({ host, ...fields }).map(([name, value]) => `${name}: ${value}`);
  const explanation = await explain(parsed.config, { method, url: target, fields: lines, client: "127.0.0.1" }, {});
  if (typeof explanation === "string") throw new Error(explanation);
  const { port = "" } = explanation.endpoints[0] === undefined ? {} : new URL(explanation.endpoints[0].url);
  return { origin: names.get(port) ?? null, status: explanation.status };
}

/** Whether an explanation says what became of the request. A response to HEAD does not tell which origin it comes from. */
export function agrees({ method }: Asked, { origin, status }: Explained, outcome: Outcome): boolean {
  if (method === "HEAD") return (status ?? outcome.status) === outcome.status;
  const [, asked = null] = /^\{"origin":"(\d+)"/.exec(outcome.body) ?? [];
  return asked === null ? origin === null && status === outcome.status : status === null && origin === asked;
}

async function outcomeOf(asked: Asked, port: number, shown: readonly string[], names: ReadonlyMap<string, string>): Promise<Outcome> {
  const { method, host, target, fields } = asked;
  const request = http.request({ port, host: "127.0.0.1", method, path: target, headers: { host, ...fields }, agent: false });
  request.end();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let body = "";
  response.setEncoding("latin1");
  response.on("data", (chunk: string) => (body += chunk));
  await once(response, "end");
  const status = response.statusCode ?? 0;
  const named = [...names].reduce((text, [own, name]) => text.replaceAll(`:${own}`, `:${name}`), body);
  const given = response.headers.location;
  const location = given === undefined ? undefined : new URL(given, `http://${host}${target.startsWith("/") ? target : "/"}`);
  if (location?.port === String(port)) location.port = "";
  // Error pages of nginx have a text of their own.
  const isOrigin = named.startsWith('{"origin"');
  return {
    status,
    location: location?.href,
    fields: Object.fromEntries(shown.map((name) => [name, shownField(name, response)])),
    body: isOrigin || (status >= 200 && status < 300) ? named : "",
  };
}

/** The type of an answer that is no text of either's own, without the charset that Millrace names. */
function shownField(name: string, { headers, statusCode = 0 }: http.IncomingMessage): string {
  const value = String(headers[name] ?? "");
  // Answers of Millrace's own that are errors are not to be stored.
  if (name === "cache-control" && statusCode >= 400) return "";
  if (name !== "content-type") return value;
  return statusCode >= 300 ? "" : value.replace("; charset=utf-8", "");
}

/** `GET http://host/path Name: value | Name: value` */
export function asked(text: string): Asked {
  const [, method = "GET", host = "", target = "/", given = ""] = /^([A-Z]+) http:\/\/([^/]+)(\/\S*)(?:\s+(.*))?$/.exec(text) ?? [];
  const fields = Object.fromEntries(
    given
      .split(" | ")
      .flatMap((field) => (field.includes(": ") ? [[field.slice(0, field.indexOf(": ")), field.slice(field.indexOf(": ") + 2)]] : [])),
  );
  return { method, host, target, fields };
}
