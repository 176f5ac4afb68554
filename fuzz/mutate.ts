/** Changes of a wire: most of them where a parser decides something, some anywhere. */
import type { Draw } from "./draw.ts";
import {
  CHUNK_SIZES,
  FRAGMENTS,
  HOSTILE_OCTETS,
  LINE_ENDS,
  METHODS,
  NAMES,
  STATUSES,
  TARGETS,
  VALUES_OF,
  VERSIONS,
  WHITE_SPACE,
} from "./dictionary.ts";

type Mutator = (wire: string, draw: Draw, others: readonly string[]) => string;

/** Applies one to about five changes. `others` are wires to splice with. */
export function mutate(wire: string, draw: Draw, others: readonly string[]): string {
  let changed = wire;
  do changed = draw.pick(MUTATORS)(changed, draw, others);
  while (draw.oneIn(2));
  return changed;
}

/** Each as often as it stands here. */
const MUTATORS: readonly Mutator[] = [
  changeLine,
  changeLine,
  changeLine,
  changeLine,
  addFraming,
  changeLineEnd,
  changeLineEnd,
  insertAtBoundary,
  insertAtBoundary,
  insertAnywhere,
  changeOctet,
  removeSlice,
  repeatSlice,
  truncate,
  splice,
  pipeline,
];

/** One line of the wire, by what it looks like. */
function changeLine(wire: string, draw: Draw): string {
  const lines = wire.split("\r\n");
  const index = draw.below(lines.length);
  const line = lines[index] ?? "";
  lines[index] = changedLine(line, draw);
  return lines.join("\r\n");
}

function changedLine(line: string, draw: Draw): string {
  if (/^\S* .* HTTP\/\S*$/s.test(line)) return changedRequestLine(line, draw);
  if (/^HTTP\/\S* /.test(line)) return changedStatusLine(line, draw);
  if (/^[0-9A-Fa-f]{1,8}(?:[ \t]*;.*)?$/s.test(line)) return changedChunkSize(line, draw);
  const colon = line.indexOf(":");
  return colon > 0 ? changedField(line, colon, draw) : insertAnywhere(line, draw);
}

function changedRequestLine(line: string, draw: Draw): string {
  const [method = "", target = "", version = ""] = line.split(" ");
  switch (draw.below(6)) {
    case 0:
      return `${draw.pick(METHODS)} ${target} ${version}`;
    case 1:
      return `${method} ${draw.pick(TARGETS)} ${version}`;
    case 2:
      return `${method} ${target} ${draw.pick(VERSIONS)}`;
    case 3:
      return `${method}${draw.pick(WHITE_SPACE)}${target}${draw.pick(WHITE_SPACE)}${version}`;
    case 4:
      return `${method} ${insertAnywhere(target, draw)} ${version}`;
    default:
      return insertAnywhere(line, draw);
  }
}

function changedStatusLine(line: string, draw: Draw): string {
  const [version = "", status = "", ...reason] = line.split(" ");
  switch (draw.below(4)) {
    case 0:
      return `${draw.pick(VERSIONS)} ${status} ${reason.join(" ")}`;
    case 1:
      return `${version} ${draw.pick(STATUSES)} ${reason.join(" ")}`;
    case 2:
      return `${version}${draw.pick(WHITE_SPACE)}${status}${draw.pick(["", ...WHITE_SPACE])}${reason.join(" ")}`;
    default:
      return insertAnywhere(line, draw);
  }
}

function changedChunkSize(line: string, draw: Draw): string {
  if (draw.oneIn(2)) return draw.pick(CHUNK_SIZES);
  const size = Number.parseInt(line, 16);
  switch (draw.below(4)) {
    case 0:
      return (size + draw.pick([-1, 1, 2, 16])).toString(16);
    case 1:
      return `${"0".repeat(draw.between(1, 40))}${line}`;
    case 2:
      return `${line}${draw.pick(WHITE_SPACE)}`;
    default:
      return `${line};${draw.repeat(0, 4, () => draw.pick(HOSTILE_OCTETS))}`;
  }
}

function changedField(line: string, colon: number, draw: Draw): string {
  const name = line.slice(0, colon);
  const value = line.slice(colon + 1);
  const values = VALUES_OF.get(name.trim().toLowerCase()) ?? VALUES_OF.get("content-length") ?? [];
  switch (draw.below(11)) {
    case 0:
      return `${line}\r\n${line}`;
    case 1:
      return `${line}\r\n${name}: ${draw.pick(values)}`;
    case 2:
    case 3:
      return `${name}: ${draw.pick(values)}`;
    case 4:
      return `${draw.pick(NAMES)}:${value}`;
    case 5:
      return `${name}${draw.pick([" :", "\t:", ":", "", "=", "::", ";", " "])}${value}`;
    case 6:
      return `${name}:${draw.pick(WHITE_SPACE)}${value}`;
    case 7:
      return `${line}${draw.pick(WHITE_SPACE)}`;
    case 8:
      return `${insertAnywhere(name, draw)}:${value}`;
    case 9:
      return `${name}:${insertAnywhere(value, draw)}`;
    default:
      return `${draw.oneIn(2) ? name.toUpperCase() : name.toLowerCase()}:${draw.oneIn(2) ? value.toUpperCase() : value}`;
  }
}

/** A framing field behind a start line or any other line. */
function addFraming(wire: string, draw: Draw): string {
  const lines = wire.split("\r\n");
  const name = draw.oneIn(2) ? draw.pick(NAMES) : draw.pick(["Content-Length", "Transfer-Encoding", "Connection", "Host"]);
  const values = VALUES_OF.get(name.trim().toLowerCase()) ?? ["5", "chunked"];
  lines.splice(
    draw.oneIn(2) ? 1 : draw.below(lines.length),
    0,
    `${name}:${draw.oneIn(6) ? draw.pick(WHITE_SPACE) : " "}${draw.pick(values)}`,
  );
  return lines.join("\r\n");
}

function changeLineEnd(wire: string, draw: Draw): string {
  const lines = wire.split("\r\n");
  if (lines.length < 2) return wire + draw.pick(LINE_ENDS);
  const index = draw.below(lines.length - 1);
  return `${lines.slice(0, index + 1).join("\r\n")}${draw.pick(LINE_ENDS)}${lines.slice(index + 1).join("\r\n")}`;
}

/** Before or behind an octet at which parsers change their state. */
function insertAtBoundary(wire: string, draw: Draw): string {
  const from = draw.below(wire.length);
  const found = wire.slice(from).search(/[\r\n :;,=/?]/);
  const at = found < 0 ? from : from + found + draw.below(2);
  return wire.slice(0, at) + draw.pick(draw.oneIn(3) ? WHITE_SPACE : HOSTILE_OCTETS) + wire.slice(at);
}

function insertAnywhere(wire: string, draw: Draw): string {
  const at = draw.below(wire.length + 1);
  const what = draw.oneIn(4) ? draw.pick(FRAGMENTS) : draw.oneIn(3) ? String.fromCharCode(draw.below(256)) : draw.pick(HOSTILE_OCTETS);
  return wire.slice(0, at) + what + wire.slice(at);
}

function changeOctet(wire: string, draw: Draw): string {
  const at = draw.below(wire.length);
  const octet = wire.charCodeAt(at) || 0;
  const other = draw.oneIn(2) ? octet ^ (1 << draw.below(8)) : draw.below(256);
  return wire.slice(0, at) + String.fromCharCode(other) + wire.slice(at + 1);
}

function removeSlice(wire: string, draw: Draw): string {
  const at = draw.below(wire.length);
  return wire.slice(0, at) + wire.slice(at + draw.between(1, draw.oneIn(3) ? 40 : 2));
}

function repeatSlice(wire: string, draw: Draw): string {
  const at = draw.below(wire.length);
  const slice = wire.slice(at, at + draw.between(1, draw.oneIn(3) ? 60 : 4));
  return wire.slice(0, at) + slice.repeat(draw.oneIn(50) ? 200 : draw.between(2, 3)) + wire.slice(at + slice.length);
}

function truncate(wire: string, draw: Draw): string {
  return draw.oneIn(2) ? wire.slice(0, draw.below(wire.length)) : wire.slice(0, wire.length - draw.between(1, 6));
}

function splice(wire: string, draw: Draw, others: readonly string[]): string {
  const other = draw.pick(others);
  return wire.slice(0, draw.below(wire.length + 1)) + other.slice(draw.below(other.length + 1));
}

function pipeline(wire: string, draw: Draw, others: readonly string[]): string {
  return draw.oneIn(2) ? wire + draw.pick(others) : draw.pick(others) + wire;
}
