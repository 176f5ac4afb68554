import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import process from "node:process";
import type { Readable } from "node:stream";
import zlib from "node:zlib";
import { messageOf } from "../../base/errors.ts";
import { mayHaveBody } from "../../http/status.ts";

/** Makes another body of that of a response. */
export type Interceptor<Req = IncomingMessage, Res = ServerResponse> = (
  buffer: Buffer,
  proxyRes: Req,
  req: Req,
  res: Res,
) => Promise<Buffer | string> | Buffer | string;

/**
 * Collects the body of a response, without its compression, and sends what `interceptor` makes of it: for `on.proxyRes` with
 * `selfHandleResponse: true`. The whole body is in memory for that time.
 */
export function responseInterceptor<Req extends IncomingMessage = IncomingMessage, Res extends ServerResponse = ServerResponse>(
  interceptor: Interceptor<Req, Res>,
): (proxyRes: Req, req: Req, res: Res) => Promise<void> {
  return async (proxyRes, req, res) => {
    const bytes = await collected(proxyRes, res);
    if (bytes === null) return;
    try {
      copyHead(proxyRes, res);
      const body = Buffer.from(await interceptor(bytes, proxyRes, req, res));
      // A response to HEAD, 204 and 304 say of a body that there is none (RFC 9110 sections 9.3.2, 15.3.5 and 15.4.5).
      if (req.method === "HEAD" || !mayHaveBody(res.statusCode)) return void res.end();
      res.setHeader("content-length", body.length);
      res.write(body);
      res.end();
    } catch (error) {
      failed(res, error);
    }
  };
}

/** The body without its compression. Null: it did not come as a whole, and the client was told. */
function collected(proxyRes: IncomingMessage, res: ServerResponse): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const decoder = decoderOf(proxyRes);
    const body: Readable = decoder === null ? proxyRes : proxyRes.pipe(decoder);
    const chunks: Buffer[] = [];
    const onError = (error: unknown): void => {
      if (!res.headersSent) res.statusCode = 502;
      if (!res.writableEnded) res.end(`Error fetching proxied request: ${messageOf(error)}`);
      resolve(null);
    };
    let hasBody = false;
    proxyRes.once("data", () => (hasBody = true));
    // Without a body there is nothing to undo, and the decoder finds fault with that.
    proxyRes.once("end", () => hasBody || resolve(Buffer.alloc(0)));
    body.on("data", (chunk: Buffer | string) => chunks.push(Buffer.from(chunk)));
    body.on("end", () => resolve(Buffer.concat(chunks)));
    body.on("error", (error) => (decoder === null || hasBody) && onError(error));
    if (decoder !== null) proxyRes.on("error", onError);
  });
}

/** Null: the body is not compressed, or in a way that is not known. */
function decoderOf({ headers }: IncomingMessage): (Readable & NodeJS.WritableStream) | null {
  switch (headers["content-encoding"]) {
    case "gzip":
      return zlib.createGunzip();
    case "br":
      return zlib.createBrotliDecompress();
    case "deflate":
      return zlib.createInflate();
    case "zstd":
      return zlib.createZstdDecompress();
    default:
      return null;
  }
}

/** Fields about the connection and about the bytes that came stay behind, and cookies become those of the proxy's own host. */
function copyHead(proxyRes: IncomingMessage, res: ServerResponse): void {
  // Both are null in a message that a test has made.
  res.statusCode = proxyRes.statusCode || 200;
  // HTTP/2 has no reason phrase.
  if (proxyRes.statusMessage && !("stream" in res)) res.statusMessage = proxyRes.statusMessage;
  const isDecoded = decoderOf(proxyRes) !== null;
  for (const [name, value] of Object.entries(proxyRes.headers)) {
    if (
      value === undefined ||
      name === "transfer-encoding" ||
      name === "trailer" ||
      (isDecoded && /^content-(?:encoding|length)$/.test(name))
    )
      continue;
    res.setHeader(name, name === "set-cookie" ? [value].flat().map((cookie) => cookie.replace(/;\s*domain=[^;]*/i, "")) : value);
  }
}

/** What the interceptor has thrown is the program's own mistake, which is not the client's business. */
function failed(res: ServerResponse, error: unknown): void {
  process.emitWarning(`the interceptor of a response has failed: ${messageOf(error)}`);
  if (res.headersSent) return void res.destroy();
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  res.statusCode = 500;
  res.end("Error occurred while trying to proxy\n");
}
