/** Writes the answer to `GET /metrics`, in the Prometheus text exposition format 0.0.4. Pure: everything it prints is an argument. */
import { COUNTER_NAMES, LATENCY_BOUNDS_MS, TOKEN_KINDS } from "../shared/metric-table.ts";
import type { AcmeReading } from "./acme-reading.ts";
import { COUNTER_METRICS, FEATURE_METRICS, METRICS } from "./names.ts";
import type { CertificateReading, TlsReading } from "./certificate-reading.ts";
import type { MetricName } from "./names.ts";
import type { ResponseMemoryReading, StoreReading } from "./store-reading.ts";
import type { MetricSnapshot } from "./metric-totals.ts";
import type { HealthWord } from "./status.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The state of an endpoint at the moment of the scrape. */
export interface EndpointReading {
  readonly upstream: string;
  readonly endpoint: string;
  readonly health: HealthWord;
  readonly inFlight: number;
}

/** The state of the process at the moment of the scrape. */
export interface ProcessReading extends TlsReading {
  readonly version: string;
  readonly nodeVersion: string;
  readonly uptimeSeconds: number;
  /** Workers that are serving now. */
  readonly workers: number;
  /** Memory that held bodies take. */
  readonly bufferedBytes: number;
  readonly workerRestarts: number;
  readonly configGeneration: number;
  readonly refusedReloads: number;
  readonly limiterEvictions: number;
  readonly logDroppedLines: number;
  readonly stores: readonly StoreReading[];
  readonly responseStores: readonly ResponseMemoryReading[];
}

type Labels = readonly (readonly [name: string, value: string])[];

/** The text of the page. */
export function metricsText(totals: MetricSnapshot, endpoints: readonly EndpointReading[], process: ProcessReading): string {
  const page = new Page();
  page.single(METRICS.buildInfo, 1, [
    ["version", process.version],
    ["node", process.nodeVersion],
  ]);
  page.single(METRICS.uptime, process.uptimeSeconds);
  page.single(METRICS.configGeneration, process.configGeneration);
  page.single(METRICS.refusedReloads, process.refusedReloads);
  page.single(METRICS.workers, process.workers);
  page.single(METRICS.bufferedBytes, process.bufferedBytes);
  page.single(METRICS.workerRestarts, process.workerRestarts);
  writeRequests(page, totals);
  writeRoutes(page, totals);
  writeEndpoints(page, endpoints);
  writeCounters(page, totals);
  for (const [name, metric] of FEATURE_METRICS) page.single(metric, totals.featureCounters.get(name) ?? 0);
  writeMiddleware(page, totals);
  page.single(METRICS.limiterEvictions, process.limiterEvictions);
  page.single(METRICS.logDroppedLines, process.logDroppedLines);
  writeCertificates(page, process.certificates);
  page.single(METRICS.certificateFilesRead, process.certificateFiles.read);
  page.single(METRICS.certificateFilesRefused, process.certificateFiles.refused);
  if (process.acme !== null) writeAcme(page, process.acme);
  writeStores(page, process.stores);
  writeResponseStores(page, process.responseStores);
  return page.text();
}

function writeCounters(page: Page, { counters }: MetricSnapshot): void {
  let family = "";
  for (const name of COUNTER_NAMES) {
    const metric = COUNTER_METRICS[name];
    // Metrics that differ in their labels alone follow each other.
    if (metric.name !== family) page.family(metric);
    family = metric.name;
    page.sample(metric.name, metric.labels ?? [], counters[name]);
  }
}

function writeStores(page: Page, stores: readonly StoreReading[]): void {
  page.family(METRICS.storeUp);
  for (const { name, up } of stores) page.sample(METRICS.storeUp.name, [["store", name]], up ? 1 : 0);
  page.family(METRICS.storeQuestions);
  for (const { name, counts } of stores)
    for (const outcome of ["answered", "late", "failed", "spared"] as const) {
      const labels: Labels = [
        ["store", name],
        ["outcome", outcome],
      ];
      page.sample(METRICS.storeQuestions.name, labels, counts[outcome]);
    }
  page.family(METRICS.storeSeconds);
  for (const { name, counts } of stores) page.sample(METRICS.storeSeconds.name, [["store", name]], counts.answerMs / 1000);
}

function writeResponseStores(page: Page, stores: readonly ResponseMemoryReading[]): void {
  const families = [
    [METRICS.responseStoreBytes, (store: ResponseMemoryReading) => store.usedBytes],
    [METRICS.responseStoreBytesMax, (store: ResponseMemoryReading) => store.maxSize],
    [METRICS.responseStoreRecords, (store: ResponseMemoryReading) => store.records],
    [METRICS.responseStoreEvictions, (store: ResponseMemoryReading) => store.evictedSegments],
  ] as const;
  for (const [metric, valueOf] of families) {
    page.family(metric);
    for (const store of stores) page.sample(metric.name, [["store", store.name]], valueOf(store));
  }
}

function writeAcme(page: Page, { orders, certificates }: AcmeReading): void {
  page.family(METRICS.acmeOrders);
  for (const outcome of ["obtained", "failed"] as const) page.sample(METRICS.acmeOrders.name, [["outcome", outcome]], orders[outcome]);
  page.family(METRICS.acmeNextOrder);
  // On-demand names are left out: there may be thousands, and clients choose them.
  for (const { names, nextMs, onDemand } of certificates) {
    if (nextMs !== null && !onDemand) page.sample(METRICS.acmeNextOrder.name, [["name", names[0] ?? ""]], nextMs / 1000);
  }
}

/** A series appears with its first request, because printing all combinations of labels would give thousands of zeros. */
function writeRequests(page: Page, totals: MetricSnapshot): void {
  page.family(METRICS.requests);
  for (const { route, upstream, endpoint, statusClass, count } of totals.requests) {
    page.sample(
      METRICS.requests.name,
      [
        ["route", route],
        ["upstream", upstream],
        ["endpoint", endpoint],
        ["class", statusClass],
      ],
      count,
    );
  }
}

function writeRoutes(page: Page, totals: MetricSnapshot): void {
  const name = METRICS.requestDuration.name;
  page.family(METRICS.requestDuration);
  for (const { route, buckets, durationMs } of totals.routes) {
    let count = 0;
    for (const [bucket, inBucket] of buckets.entries()) {
      count += inBucket;
      const bound = LATENCY_BOUNDS_MS[bucket];
      page.sample(
        `${name}_bucket`,
        [
          ["route", route],
          ["le", bound === undefined ? "+Inf" : String(bound / 1000)],
        ],
        count,
      );
    }
    page.sample(`${name}_sum`, [["route", route]], durationMs / 1000);
    page.sample(`${name}_count`, [["route", route]], count);
  }
  page.family(METRICS.receivedBytes);
  for (const { route, bytesReceived } of totals.routes) page.sample(METRICS.receivedBytes.name, [["route", route]], bytesReceived);
  page.family(METRICS.sentBytes);
  for (const { route, bytesSent } of totals.routes) page.sample(METRICS.sentBytes.name, [["route", route]], bytesSent);
  page.family(METRICS.tokens);
  for (const { route, tokens } of totals.routes) writeTokens(page, route, tokens);
}

function writeTokens(page: Page, route: string, tokens: readonly number[]): void {
  for (const [index, count] of tokens.entries()) {
    const [kind = "", source = ""] = TOKEN_KINDS[index] ?? [];
    page.sample(
      METRICS.tokens.name,
      [
        ["route", route],
        ["kind", kind],
        ["source", source],
      ],
      count,
    );
  }
}

function writeMiddleware(page: Page, { middleware }: MetricSnapshot): void {
  page.family(METRICS.middleware);
  for (const { middleware: name, counter, count } of middleware)
    page.sample(
      METRICS.middleware.name,
      [
        ["middleware", name],
        ["counter", counter],
      ],
      count,
    );
}

function writeEndpoints(page: Page, endpoints: readonly EndpointReading[]): void {
  page.family(METRICS.endpointHealthy);
  for (const reading of endpoints) {
    if (reading.health !== "unknown")
      page.sample(METRICS.endpointHealthy.name, endpointLabels(reading), reading.health === "healthy" ? 1 : 0);
  }
  page.family(METRICS.endpointInFlight);
  for (const reading of endpoints) page.sample(METRICS.endpointInFlight.name, endpointLabels(reading), reading.inFlight);
}

function writeCertificates(page: Page, certificates: readonly CertificateReading[]): void {
  const series = new Map<string, CertificateReading>();
  for (const each of certificates) {
    const labels = certificateLabels(each).join("\n");
    // Two with the same labels would make the page invalid. The first of them is the one that is served.
    if (!series.has(labels)) series.set(labels, each);
  }
  for (const [metric, valueOf] of [
    [METRICS.certificateEnd, (each: CertificateReading): number => each.notAfterMs],
    [METRICS.certificateRead, (each: CertificateReading): number => each.readAtMs],
  ] as const) {
    page.family(metric);
    for (const each of series.values()) page.sample(metric.name, certificateLabels(each), Math.floor(valueOf(each) / 1000));
  }
}

function certificateLabels({ use, of, names, key }: CertificateReading): Labels {
  return [
    [use, of],
    ["name", names[0] ?? ""],
    ["key", key],
  ];
}

function endpointLabels(reading: EndpointReading): Labels {
  return [
    ["upstream", reading.upstream],
    ["endpoint", reading.endpoint],
  ];
}

class Page {
  private readonly lines: string[] = [];

  family(metric: MetricName): void {
    this.lines.push(`# HELP ${metric.name} ${escapeHelp(metric.help)}`, `# TYPE ${metric.name} ${metric.type}`);
  }

  sample(name: string, labels: Labels, value: number): void {
    const inner = labels.map(([label, text]) => `${label}="${escapeLabel(text)}"`).join(",");
    this.lines.push(inner === "" ? `${name} ${value}` : `${name}{${inner}} ${value}`);
  }

  single(metric: MetricName, value: number, labels: Labels = []): void {
    this.family(metric);
    this.sample(metric.name, labels, value);
  }

  text(): string {
    return `${this.lines.join("\n")}\n`;
  }
}

/** The format has three escapes in label values: for backslash, double quote and line feed. */
function escapeLabel(text: string): string {
  return /[\\"\n]/.test(text) ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : text;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
