/** Valid messages by the grammar of RFC 9110 and RFC 9112, as wires: what is not mutated must be accepted. */
import type { Draw } from "./draw.ts";
import { SENDER_LINES, TARGET_CHARACTERS, TOKEN_CHARACTERS, VALUE_CHARACTERS } from "./dictionary.ts";

/** One to three requests of one connection, or some more that resemble each other; only the last may end it. */
export function generateRequests(draw: Draw): string {
  if (draw.oneIn(5)) return requestsAlike(draw);
  let wire = "";
  for (let left = draw.oneIn(3) ? draw.between(2, 3) : 1; left > 0; left--) wire += request(draw, left === 1);
  return wire;
}

/** The answer to one request: interim responses and a final one. */
export function generateResponses(draw: Draw, toHead: boolean): string {
  let wire = "";
  if (draw.oneIn(4))
    wire += draw.repeat(1, 3, () => `HTTP/1.1 ${draw.pick([100, 102, 103, 150])} ${reason(draw)}\r\n${fields(draw, [])}\r\n`);
  return wire + response(draw, toHead);
}

/** As of a browser: most field lines are those of the request before, and a reader that remembers them must not mistake others for them. */
function requestsAlike(draw: Draw): string {
  const linesOf = (own: readonly string[]): string[] => fields(draw, own).split("\r\n").slice(0, -1);
  let lines = linesOf(["Host: a.test", "Accept-Language: en-GB,en;q=0.8", "Sec-Fetch-Site: same-origin", "Referer: http://a.test/"]);
  return draw.repeat(3, 7, () => {
    lines = lines.map((line) => (line.startsWith("Referer:") && draw.oneIn(2) ? `${line}${draw.pick(TOKEN_CHARACTERS)}` : line));
    const at = draw.below(lines.length);
    if (draw.oneIn(4) && !/^host:/i.test(lines[at] ?? "")) lines = lines.toSpliced(at, draw.below(2), ...linesOf([]));
    return `GET /${draw.repeat(0, 3, () => draw.pick(TARGET_CHARACTERS))} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
  });
}

function request(draw: Draw, last: boolean): string {
  const old = last && draw.oneIn(12);
  const method = draw.pick(["GET", "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "PROPFIND"]);
  const path = `/${draw.repeat(0, 12, () => draw.pick(TARGET_CHARACTERS))}`;
  const absolute = draw.oneIn(12);
  const target = method === "OPTIONS" && draw.oneIn(2) ? "*" : absolute ? `http://a.test${path}` : path;
  const body = old && draw.oneIn(2) ? { lines: [], text: "" } : requestBody(draw, old);
  const lines = [...body.lines];
  if (!old || draw.oneIn(2)) lines.push(`${draw.pick(["Host", "host", "HOST"])}:${ows(draw)}a.test`);
  if (draw.oneIn(10))
    lines.push(`Connection: ${draw.pick(last ? ["close", "keep-alive", "X-A", "te, x-b"] : ["keep-alive", "X-A", "te, x-b"])}`);
  if (body.text !== "" && draw.oneIn(16)) lines.push("Expect: 100-continue");
  return `${draw.oneIn(20) ? "\r\n" : ""}${method} ${target} HTTP/1.${old ? 0 : 1}\r\n${fields(draw, lines)}\r\n${body.text}`;
}

function response(draw: Draw, toHead: boolean): string {
  const status = draw.pick([200, 200, 200, 201, 206, 301, 404, 500, 503, 204, 304]);
  const start = `HTTP/1.${draw.oneIn(10) ? 0 : 1} ${status} ${reason(draw)}\r\n`;
  if (status === 204) return `${start}${fields(draw, [])}\r\n`;
  if (status === 304) return `${start}${fields(draw, draw.oneIn(2) ? ["Content-Length: 7"] : [])}\r\n`;
  const old = start.startsWith("HTTP/1.0");
  const body = draw.oneIn(4) ? { lines: [], text: content(draw) } : requestBody(draw, old);
  return `${start}${fields(draw, body.lines)}\r\n${toHead ? "" : body.text}`;
}

interface Body {
  readonly lines: readonly string[];
  readonly text: string;
}

function requestBody(draw: Draw, old: boolean): Body {
  switch (draw.below(old ? 2 : 3)) {
    case 0:
      return { lines: ["Content-Length: 0"], text: "" };
    case 1: {
      const text = content(draw);
      return { lines: [`${draw.pick(["Content-Length", "content-length"])}:${ows(draw)}${draw.oneIn(8) ? "00" : ""}${text.length}`], text };
    }
    default: {
      const chunks = draw.repeat(0, 3, () => chunk(draw));
      const trailers = draw.oneIn(4) ? fields(draw, []) : "";
      const last = `${draw.oneIn(8) ? "00" : "0"}${extensions(draw)}\r\n${trailers}\r\n`;
      return { lines: [`Transfer-Encoding:${ows(draw)}${draw.pick(["chunked", "chunked", "Chunked"])}`], text: chunks + last };
    }
  }
}

function chunk(draw: Draw): string {
  const data = content(draw) || "a";
  const size = data.length.toString(16);
  return `${draw.oneIn(8) ? "000" : ""}${draw.oneIn(2) ? size.toUpperCase() : size}${extensions(draw)}\r\n${data}\r\n`;
}

/** `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`; with BWS once in a while only, as nobody sends it. */
function extensions(draw: Draw): string {
  if (!draw.oneIn(5)) return "";
  const bws = (): string => (draw.oneIn(12) ? draw.pick([" ", "\t"]) : "");
  return draw.repeat(1, 2, () => {
    const value = draw.oneIn(2)
      ? token(draw)
      : `"${draw.repeat(0, 5, () => draw.pick(["a", " ", "\t", ";", "=", '\\"', "\\\\", "\xe9"]))}"`;
    return `${bws()};${bws()}${token(draw)}${draw.oneIn(2) ? "" : `${bws()}=${bws()}${value}`}`;
  });
}

/** Lines of a section: those given and some others, in any order. */
function fields(draw: Draw, given: readonly string[]): string {
  const lines = [...given];
  for (let count = draw.below(5); count > 0; count--) lines.splice(draw.below(lines.length + 1), 0, line(draw));
  return lines.map((text) => `${text}\r\n`).join("");
}

/** A line whose name means nothing to the framing. */
function line(draw: Draw): string {
  if (draw.oneIn(8)) return draw.pick(SENDER_LINES);
  const name = draw.oneIn(3) ? `x${token(draw)}` : draw.pick(["Accept", "Cookie", "X-A", "x-b", "X_C", "Date", "Via", "Set-Cookie"]);
  return `${name}:${ows(draw)}${draw.repeat(0, 12, () => draw.pick(VALUE_CHARACTERS)).replace(/^[ \t]+|[ \t]+$/g, "")}${ows(draw)}`;
}

function token(draw: Draw): string {
  return draw.repeat(1, 6, () => draw.pick(TOKEN_CHARACTERS));
}

function reason(draw: Draw): string {
  return draw.oneIn(3) ? draw.repeat(0, 8, () => draw.pick(VALUE_CHARACTERS)) : "OK";
}

function ows(draw: Draw): string {
  return draw.oneIn(3) ? draw.repeat(0, 3, () => draw.pick([" ", "\t"])) : " ";
}

function content(draw: Draw): string {
  if (draw.oneIn(4)) return draw.pick(["0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n", "a".repeat(300)]);
  return draw.repeat(0, 16, () => String.fromCharCode(draw.below(256)));
}
