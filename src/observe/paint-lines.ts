/** Colours log lines for a terminal. The text stays as it is, so that what is read on a terminal can be searched for in a file. */
import { Buffer } from "node:buffer";
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Time, level, event, and the rest of a line in text format. */
const LINE = /^(\d{4}-\S{10,30}Z) (DEBUG|INFO|WARN|ERROR)( +)(\w+) (.*)$/;
/** Client, request, status and the rest of an access line, after the event. */
const ACCESS = /^(\S+) ("(?:[^"\\]|\\.)*") (\d{3}) (.*)$/;
/** Message and fields of the line of an event. */
const EVENT = /^(.*?)((?: [a-z_]+=(?:"[^"]*"|[^\s"=]+))*)$/;
/** What `announce` writes. */
const ADDRESS = /^(listening on|admin on) (\S+)(.*)$/;

const LEVELS: Readonly<Record<string, Style>> = { DEBUG: "dim", INFO: "green", WARN: "yellow", ERROR: ["bold", "red"] };
/** By the first digit of a status. */
const STATUSES: Readonly<Record<string, Style>> = { 1: "cyan", 2: "green", 3: "cyan", 4: "yellow", 5: "red" };

/** Gives whole lines back with colours. Lines that are not in text format stay as they are. */
export function paintLines(lines: Uint8Array): Uint8Array {
  const text = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString("utf8");
  return Buffer.from(text.split("\n").map(paintLine).join("\n"));
}

function paintLine(line: string): string {
  const [, time, level = "", spaces, event = "", rest = ""] = LINE.exec(line) ?? [];
  if (time !== undefined)
    return `${painted("dim", time)} ${painted(LEVELS[level], level)}${spaces}${event === "access" ? paintAccess(rest) : paintEvent(event, rest)}`;
  const [, what, url, more] = ADDRESS.exec(line) ?? [];
  return url === undefined ? line : `${what} ${painted("bold", url)}${more}`;
}

function paintAccess(rest: string): string {
  const [, client, request = "", status = "", more = ""] = ACCESS.exec(rest) ?? [];
  if (client === undefined) return `access ${rest}`;
  const style = STATUSES[status.slice(0, 1)];
  return `${painted("dim", "access")} ${client} ${painted("bold", request)} ${painted(style, status)} ${painted("dim", more)}`;
}

function paintEvent(event: string, rest: string): string {
  const [, message = "", fields = ""] = EVENT.exec(rest) ?? [];
  return `${painted("cyan", event)} ${message}${fields === "" ? "" : painted("dim", fields)}`;
}

function painted(style: Style | undefined, text: string): string {
  // Whether there are colours is decided by whoever calls; Node would look at this process's stdout.
  return style === undefined ? text : styleText(style, text, { validateStream: false });
}
