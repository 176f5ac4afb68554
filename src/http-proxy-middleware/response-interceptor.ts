import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import process from "node:process";
import type { Readable } from "node:stream";
import zlib from "node:zlib";
import { messageOf } from "../base/errors.ts";

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
    body.on("data", (chunk: Buffer) => chunks.push(chunk));
    body.on("end", () => resolve(Buffer.concat(chunks)));
    body.on("error", onError);
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
  const { statusCode = 200, statusMessage = "", httpVersionMajor } = proxyRes;
  res.statusCode = statusCode;
  if (statusMessage !== "" && httpVersionMajor < 2 && !("stream" in res)) res.statusMessage = statusMessage;
  const isDecoded = decoderOf(proxyRes) !== null;
  for (const [name, value] of Object.entries(proxyRes.headers)) {
    if (value === undefined || name === "transfer-encoding" || (isDecoded && name === "content-encoding")) continue;
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
