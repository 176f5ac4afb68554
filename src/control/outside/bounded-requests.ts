/**
 * HTTP requests of the control plane to services that it need not trust: certificate authorities, the service that is asked about names, key servers, identity
 * providers. Answers are bounded in size and time, and redirects are not followed, so no such service leads this process to another address.
 */
import http from "node:http";
import https from "node:https";
import type { IncomingMessage } from "node:http";

export interface BoundedRequest {
  readonly method: "GET" | "HEAD" | "POST";
  readonly url: string;
  /** Media types of the answer, as the Accept field lists them. */
  readonly accept?: string;
  readonly contentType?: string;
  /** Further fields. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  /** Aborted: the request is given up, and the promise rejects. */
  readonly signal?: AbortSignal;
}

export interface BoundedResponse {
  readonly status: number;
  /** The value of a field, by its name in lower case; null when there is none. */
  readonly field: (name: string) => string | null;
  readonly body: string;
}

export interface BoundedRequests {
  /** Rejects with an Error of one plain line when no whole answer came. */
  readonly ask: (request: BoundedRequest) => Promise<BoundedResponse>;
  /** Closes connections that wait for further requests. */
  readonly close: () => void;
}

export interface RequestBounds {
  /** Value of User-Agent. */
  readonly userAgent: string;
  /** Trusted certificates as PEM text, asked for at each request; null: those that Node trusts. */
  readonly ca: () => string | null;
  /** Time for a whole exchange, in milliseconds. */
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
  /** Connections to one host at a time; further requests wait. Default: 4. */
  readonly socketsMax?: number;
}

/** Bytes of an answer's head. */
const HEAD_BYTES_MAX = 16 * 1024;

export function boundedRequests(bounds: RequestBounds): BoundedRequests {
  const settings = { keepAlive: true, maxSockets: bounds.socketsMax ?? 4, timeout: bounds.timeoutMs };
  const [secure, plain] = [new https.Agent({ ...settings, minVersion: "TLSv1.2" }), new http.Agent(settings)];
  return {
    ask: (request) => exchange(request, bounds, request.url.startsWith("https:") ? secure : plain),
    close: () => {
      secure.destroy();
      plain.destroy();
    },
  };
}

function exchange(asked: BoundedRequest, bounds: RequestBounds, agent: http.Agent): Promise<BoundedResponse> {
  const { userAgent, timeoutMs, bodyBytesMax } = bounds;
  const { method, url, body, signal } = asked;
  const headers: Record<string, string | number> = { ...Object.fromEntries(asked.fields ?? []), "user-agent": userAgent };
  if (asked.accept !== undefined) headers["accept"] = asked.accept;
  if (asked.contentType !== undefined) headers["content-type"] = asked.contentType;
  if (body !== undefined) headers["content-length"] = Buffer.byteLength(body);
  const host = new URL(url).host;
  const ca = bounds.ca();
  // Node lends a connection only to a request with the same trust.
  const trust = ca === null ? {} : { ca };
  return new Promise((resolve, reject) => {
    const module = url.startsWith("https:") ? https : http;
    const request = module.request(url, {
      method,
      headers,
      agent,
      ...(signal === undefined ? {} : { signal }),
      ...trust,
      maxHeaderSize: HEAD_BYTES_MAX,
    });
    const fail = (why: string): void => {
      clearTimeout(limit);
      request.destroy();
      reject(new Error(`${host} ${why}`));
    };
    const limit = setTimeout(() => fail(`has not answered within ${timeoutMs / 1000} s`), timeoutMs);
    request.on("error", (error) => fail(`cannot be asked: ${textOf(error, ca === null)}`));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("error", (error) => fail(`broke off: ${error.message}`));
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > bodyBytesMax) fail(`answers with more than ${bodyBytesMax} bytes`);
        else chunks.push(chunk);
      });
      response.on("end", () => {
        clearTimeout(limit);
        resolve({ status: response.statusCode ?? 0, field: fieldsOf(response), body: Buffer.concat(chunks).toString("utf8") });
      });
    });
    request.end(body);
  });
}

function fieldsOf({ headers }: IncomingMessage): BoundedResponse["field"] {
  return (name) => {
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return typeof value === "string" ? value : (value?.[0] ?? null);
  };
}

/** Codes of OpenSSL for a certificate whose authority is not known. */
const OF_ANOTHER_AUTHORITY: ReadonlySet<unknown> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Node's own advice is an option of its command line, which whoever runs this proxy may not write. */
function textOf(error: NodeJS.ErrnoException, trustsAuthoritiesOfNode: boolean): string {
  const [text = ""] = error.message.split("; if the root CA is installed locally");
  if (!trustsAuthoritiesOfNode || !OF_ANOTHER_AUTHORITY.has(error.code)) return text;
  return `${text}; a file with its authority is named by NODE_EXTRA_CA_CERTS in the environment of the proxy`;
}
