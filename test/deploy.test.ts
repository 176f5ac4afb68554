/** The files of deploy/ agree with each other and with the program, as far as that can be told without a container engine. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { parseArguments } from "../src/cli/arguments.ts";
import { loadConfigFile } from "../src/cli/config-file.ts";
import type { Config } from "../src/config/schema/schema.ts";
import { ROOT, readText, textFiles } from "./support/source-files.ts";

const ADMIN_PORT = 9901;
const LISTENER_PORT = 8080;
const ADMIN_TOKEN = "t0k3n";
const manifest = JSON.parse(readText("package.json")) as { version: string; devDependencies: Record<string, string> };

const composeConfig = await configuration(readText("deploy/millrace.yaml"));
const configMap = document("configmap") as { metadata: { name: string }; data: Readonly<Record<string, string>> };
const podConfig = await configuration(configMap.data["millrace.yaml"] ?? "");

test("every YAML file parses", () => {
  const files = textFiles("deploy").filter((file) => file.endsWith(".yaml"));
  assert.ok(files.length >= 8, files.join(", "));
  for (const file of files) {
    for (const document of parseAllDocuments(readText(file), { merge: true })) assert.deepEqual(document.errors, [], file);
  }
});

describe("Dockerfile", () => {
  const text = readText("deploy/docker/Dockerfile").replace(/\\\n\s*/g, "");
  const lines = text.split("\n");

  test("copies what exists and what .dockerignore lets in", () => {
    const sources = lines
      .filter((line) => line.startsWith("COPY ") && !line.includes("--from"))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    assert.ok(sources.length >= 5);
    const letIn = new Set(
      readText(".dockerignore")
        .split("\n")
        .filter((line) => line.startsWith("!"))
        .map((line) => line.slice(1)),
    );
    for (const source of sources) {
      assert.ok(existsSync(path.join(ROOT, source)), source);
      assert.ok(letIn.has(source), `${source} is not in .dockerignore`);
    }
    // What the build reads of it.
    assert.ok(letIn.has("tsconfig.json"));
  });

  test("runs the tests' Node version, as a numbered user, without a shell", () => {
    assert.match(text, new RegExp(`^ARG NODE_VERSION=${manifest.devDependencies["node"] ?? ""}$`, "m"));
    assert.match(text, /^USER \d+:\d+$/m);
    for (const instruction of ["ENTRYPOINT", "CMD"]) {
      const line = lines.find((each) => each.startsWith(`${instruction} `)) ?? "";
      assert.ok(Array.isArray(JSON.parse(line.slice(instruction.length))), line);
    }
    const health = lines.find((line) => line.startsWith("HEALTHCHECK")) ?? "";
    assert.ok(Array.isArray(JSON.parse(health.slice(health.indexOf("CMD") + 3))));
  });

  test("exposes the ports that the configurations use and asks the admin address", () => {
    assert.match(text, new RegExp(`^EXPOSE ${LISTENER_PORT} ${ADMIN_PORT}$`, "m"));
    assert.ok(text.includes(`MILLRACE_HEALTH_URL=http://127.0.0.1:${ADMIN_PORT}/healthz`));
  });
});

interface Service {
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly build: { readonly context: string; readonly dockerfile: string };
  readonly stop_grace_period?: string;
}

describe("compose.yaml", () => {
  const { services } = parse(readText("deploy/compose.yaml"), { merge: true }) as { services: Readonly<Record<string, Service>> };

  test("the proxy's ports, file and patience fit its configuration", () => {
    const proxy = services["proxy"];
    assert.ok(proxy);
    assert.deepEqual(proxy.ports, [`${LISTENER_PORT}:${LISTENER_PORT}`, `127.0.0.1:${ADMIN_PORT}:${ADMIN_PORT}`]);
    assert.match(proxy.environment?.["ADMIN_TOKEN"] ?? "", /^\$\{ADMIN_TOKEN:\?/, "without a token nothing starts");
    assert.deepEqual(proxy.volumes, ["./millrace.yaml:/etc/millrace/millrace.yaml:ro"]);
    assert.ok(existsSync(path.join(ROOT, "deploy", proxy.build.context, proxy.build.dockerfile)));
    assert.ok(Number.parseInt(proxy.stop_grace_period ?? "", 10) * 1000 > composeConfig.shutdown.timeout);
    checkPorts(composeConfig);
  });

  test("the configuration's endpoints are the services that listen there", () => {
    const endpoints = Object.values(composeConfig.upstreams).flatMap((upstream) => upstream.endpoints.map(({ url }) => new URL(url)));
    const backends = Object.keys(services).filter((name) => name !== "proxy");
    assert.deepEqual(
      endpoints.map(({ hostname }) => hostname),
      backends,
    );
    assert.deepEqual(Object.keys(services["proxy"]?.depends_on ?? {}), backends);
    for (const { hostname, port } of endpoints) {
      const { entrypoint, command } = services[hostname] ?? {};
      assert.equal(command?.[1], port, hostname);
      const script = (entrypoint?.[1] ?? "").replace("/app/dist/", "src/").replace(/\.js$/, ".ts");
      assert.ok(existsSync(path.join(ROOT, script)), script);
    }
  });
});

interface Labels {
  readonly [name: string]: string;
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Pod {
  readonly metadata: { readonly labels: Labels; readonly annotations: Labels };
  readonly spec: {
    readonly terminationGracePeriodSeconds: number;
    readonly topologySpreadConstraints: readonly { readonly labelSelector: { readonly matchLabels: Labels } }[];
    readonly containers: readonly {
      readonly image: string;
      readonly args: readonly string[];
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
      readonly env: readonly { readonly name: string; readonly valueFrom: { readonly secretKeyRef: { readonly name: string } } }[];
      readonly startupProbe: Probe;
      readonly livenessProbe: Probe;
      readonly readinessProbe: Probe;
      readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
    }[];
    readonly volumes: readonly { readonly name: string; readonly configMap: { readonly name: string } }[];
  };
}

describe("Kubernetes objects", () => {
  const kustomization = document("kustomization") as { resources: readonly string[]; images: readonly { name: string; newTag: string }[] };
  const deployment = document("deployment") as { metadata: { name: string }; spec: { selector: { matchLabels: Labels }; template: Pod } };
  const pod = deployment.spec.template;
  const container = pod.spec.containers[0];
  assert.ok(container);

  test("kustomization lists every file and the image", () => {
    const files = textFiles("deploy/kubernetes")
      .filter((file) => file.endsWith(".yaml"))
      .map((file) => path.basename(file));
    assert.deepEqual([...kustomization.resources, "kustomization.yaml"].toSorted(), files.toSorted());
    assert.deepEqual(kustomization.images, [{ name: container.image, newTag: manifest.version }]);
  });

  test("every selector selects the pods", () => {
    const service = (document("service") as { spec: { selector: Labels } }).spec.selector;
    const budget = (document("pdb") as { spec: { selector: { matchLabels: Labels } } }).spec.selector.matchLabels;
    const spread = pod.spec.topologySpreadConstraints.map(({ labelSelector }) => labelSelector.matchLabels);
    for (const selector of [deployment.spec.selector.matchLabels, service, budget, ...spread]) {
      for (const [name, value] of Object.entries(selector)) assert.equal(pod.metadata.labels[name], value);
    }
    const target = (document("hpa") as { spec: { scaleTargetRef: { kind: string; name: string } } }).spec.scaleTargetRef;
    assert.deepEqual([target.kind, target.name], ["Deployment", deployment.metadata.name]);
  });

  test("ports are the configuration's, and the Service carries the listener's only", () => {
    checkPorts(podConfig);
    assert.deepEqual(container.ports, [
      { name: "http", containerPort: LISTENER_PORT },
      { name: "admin", containerPort: ADMIN_PORT },
    ]);
    assert.equal(pod.metadata.annotations["prometheus.io/port"], String(ADMIN_PORT));
    const { ports } = (document("service") as { spec: { ports: readonly { targetPort: string }[] } }).spec;
    assert.deepEqual(
      ports.map(({ targetPort }) => targetPort),
      ["http"],
    );
  });

  test("probes ask pages that the admin address has", () => {
    const served = readText("src/control/admin/admin.ts");
    for (const { httpGet } of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      assert.equal(httpGet.port, "admin");
      assert.ok(served.includes(`"${httpGet.path}"`), httpGet.path);
    }
    assert.equal(container.readinessProbe.httpGet.path, "/readyz");
    assert.equal(container.livenessProbe.httpGet.path, "/healthz");
  });

  test("the pod gets the time that its end takes", () => {
    const { delay, timeout } = podConfig.shutdown;
    assert.ok(delay > 0, "the Service sends connections for a while after SIGTERM");
    const needed = (delay + timeout) / 1000;
    assert.ok(pod.spec.terminationGracePeriodSeconds > needed, `${needed} s`);
  });

  test("the token comes from a Secret, which README.md says how to make", () => {
    assert.deepEqual(container.env, [{ name: "ADMIN_TOKEN", valueFrom: { secretKeyRef: { name: "millrace-admin", key: "token" } } }]);
    assert.match(readText("deploy/kubernetes/README.md"), /create secret generic -n edge millrace-admin --from-literal=token=/);
  });

  test("the configuration is mounted where it is read", () => {
    const mount = container.volumeMounts[0];
    assert.equal(container.args.at(-1), `${mount?.mountPath ?? ""}/${Object.keys(configMap.data)[0] ?? ""}`);
    const volume = pod.spec.volumes.find(({ name }) => name === mount?.name);
    assert.equal(volume?.configMap.name, configMap.metadata.name);
  });
});

describe("systemd units", () => {
  const unit = readText("deploy/systemd/millrace.service");
  const page = readText("deploy/systemd/README.md");
  const seconds = (key: string): number => Number(new RegExp(`^${key}=(\\d+)$`, "m").exec(unit)?.[1]);

  test("the service's messages are heard, and it gets the time that its end takes", () => {
    assert.match(unit, /^Type=notify$/m);
    assert.match(unit, /^NotifyAccess=all$/m);
    const { delay, timeout } = composeConfig.shutdown;
    assert.ok(seconds("TimeoutStopSec") > (delay + timeout) / 1000);
    // A worker that stands still is replaced after ten seconds; systemd would end the whole process.
    assert.ok(seconds("WatchdogSec") > 20);
  });

  test("every command is the program that README.md names, with a command and options that it has", () => {
    const commands = [...unit.matchAll(/^Exec\w+=(.*millrace.*)$/gm)].map(([, command = ""]) => command.split(" "));
    assert.equal(commands.length, 2);
    for (const [program = "", ...rest] of commands) {
      assert.ok(page.includes(`the unit says ${program}\n`), program);
      assert.notEqual(parseArguments(rest, "millrace.yaml").command, "wrong", rest.join(" "));
    }
  });

  test("README.md tells the file names, the variables and the folders as the units do", () => {
    for (const [, file = ""] of page.matchAll(/deploy\/systemd\/([\w.-]+)"/g))
      assert.ok(existsSync(path.join(ROOT, "deploy/systemd", file)));
    assert.match(unit, /^EnvironmentFile=-\/etc\/millrace\/environment$/m);
    assert.ok(page.includes("/etc/millrace/environment"));
    assert.match(unit, /^LogsDirectory=millrace$/m);
    assert.ok(page.includes("/var/log/millrace/"));
    const ports = readText("deploy/systemd/millrace.socket").match(/^ListenStream=/gm) ?? [];
    assert.equal(ports.length, 1, "README.md configures fd:3 alone");
    assert.ok(page.includes('address: "fd:3"'));
  });
});

function document(name: string): unknown {
  return parse(readText(`deploy/kubernetes/${name}.yaml`));
}

/** Loads the text as `millrace run` would. */
async function configuration(text: string): Promise<Config> {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-deploy-"));
  const file = path.join(folder, "millrace.yaml");
  writeFileSync(file, text);
  process.env["ADMIN_TOKEN"] = ADMIN_TOKEN;
  try {
    const loaded = await loadConfigFile(file);
    if (!("config" in loaded)) assert.fail(JSON.stringify(loaded.problems));
    assert.deepEqual(loaded.warnings, []);
    return loaded.config;
  } finally {
    delete process.env["ADMIN_TOKEN"];
    rmSync(folder, { recursive: true });
  }
}

/** Containers are reached from outside: neither address may be loopback. */
function checkPorts(config: Config): void {
  assert.deepEqual(
    config.listeners.map(({ address }) => address),
    [`:${LISTENER_PORT}`],
  );
  // Other containers reach it: it asks for the token that the environment brings.
  assert.deepEqual(config.admin, { address: `:${ADMIN_PORT}`, token: ADMIN_TOKEN, hosts: [] });
}
