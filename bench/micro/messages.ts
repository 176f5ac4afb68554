/** Test messages as browsers and origins write them, in many variants. */
import { Buffer } from "node:buffer";
import type { Http1RequestHead } from "../../src/http1/http1-request-head.ts";
import type { Http1ResponseHead } from "../../src/http1/http1-response-head.ts";
import { DEFAULT_LIMITS } from "../../src/http1/limits.ts";
import { RequestReader } from "../../src/http1/request-reader.ts";
import { ResponseReader } from "../../src/http1/response-reader.ts";

/** How many variants of a message there are: a power of two, and too many for a small cache. */
export const VARIANTS = 512;

const BROWSER = [
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Accept-Encoding: gzip, deflate, br, zstd",
  'Sec-Ch-Ua: "Chromium";v="131", "Not_A Brand";v="24"',
  "Sec-Ch-Ua-Mobile: ?0",
  'Sec-Ch-Ua-Platform: "Linux"',
  "Sec-Fetch-Dest: document",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Site: same-origin",
  "Upgrade-Insecure-Requests: 1",
  "Cookie: session=8c1f0a4be7d94f6ab2c3d4e5f60718293a4b5c6d; consent=necessary; theme=dark; basket=4711",
];

/** A browser's request of about 900 bytes. Variants differ in target, referring page and trace. */
export function browserRequest(variant: number, extra: readonly string[] = []): Buffer {
  const trace = `${(variant * 7919).toString(16).padStart(32, "0")}-${(variant * 104_729).toString(16).padStart(16, "0")}`;
  const lines = [
    `GET /catalogue/items/${1000 + variant}?colour=blue HTTP/1.1`,
    "Host: shop.example.com",
    ...BROWSER,
    `Referer: http://shop.example.com/catalogue/items?page=${1000 + variant}`,
    `Traceparent: 00-${trace}-01`,
    ...extra,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** A response as nginx sends it, with a body of 112 bytes. Variants differ in validator and date. */
export function smallResponse(variant: number): Buffer {
  const second = String(variant % 60).padStart(2, "0");
  const lines = [
    "HTTP/1.1 200 OK",
    "Server: nginx",
    `Date: Mon, 23 Nov 2026 10:00:${second} GMT`,
    "Content-Type: text/html; charset=utf-8",
    "Content-Length: 112",
    "Last-Modified: Sun, 22 Nov 2026 09:00:00 GMT",
    "Connection: keep-alive",
    `ETag: "6741a5${(0x1000 + variant).toString(16)}-70"`,
    "Cache-Control: private, max-age=60",
    "Vary: Accept-Encoding",
    "Accept-Ranges: bytes",
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${"x".repeat(112)}`, "latin1");
}

/** A request with `chunks` chunks of `bytes` bytes each. */
export function chunkedRequest(chunks: number, bytes: number): Buffer {
  const chunk = `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
  const head = "POST /upload HTTP/1.1\r\nHost: shop.example.com\r\nTransfer-Encoding: chunked\r\n\r\n";
  return Buffer.from(`${head}${chunk.repeat(chunks)}0\r\n\r\n`, "latin1");
}

/** The request's head, as its connection's reader leaves it. */
export function requestHead(bytes: Buffer): Http1RequestHead {
  const reader = new RequestReader(DEFAULT_LIMITS);
  reader.feed(bytes, 0, bytes.length);
  reader.next();
  return reader.head;
}

export function responseHead(bytes: Buffer): Http1ResponseHead {
  const reader = new ResponseReader(DEFAULT_LIMITS);
  reader.feed(bytes, 0, bytes.length);
  reader.next();
  return reader.head;
}

/** A list with one element for each variant. */
export function variants<T>(make: (variant: number) => T): readonly T[] {
  return Array.from({ length: VARIANTS }, (_, variant) => make(variant));
}

/** The element for the n-th operation. The length of the list must be a power of two. */
export function nth<T>(list: readonly T[], n: number): T {
  return list[n & (list.length - 1)] as T;
}
