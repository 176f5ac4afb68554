/** From the path of a request to the name of a file. */
import { normalizePath } from "../../policy/route/normalize-path.ts";

export interface FilePath {
  /** Names separated by slashes, decoded. "": the root itself. */
  readonly name: string;
  /** The path ends in a slash, so it stands for a folder. */
  readonly isFolder: boolean;
}

/** The longest name that common file systems allow. */
const NAME_BYTES_MAX = 255;

/**
 * The file that a path leads to. The path is read in the form in which routes are matched, so a path that leads to a route leads to files of that
 * route only. Null: it leads to no file. Names that begin with a dot are refused, except `.well-known` at the beginning (RFC 8615); so are encoded
 * slashes, backslashes, control characters, and octets that are not UTF-8.
 * @param path in canonical form or not, without query
 */
export function filePathOf(path: string): FilePath | null {
  const canonical = normalizePath(path);
  if (canonical === null || !canonical.startsWith("/")) return null;
  const segments = canonical.slice(1).split("/");
  const isFolder = segments.at(-1) === "";
  if (isFolder) segments.pop();
  const names: string[] = [];
  for (const segment of segments) {
    const name = decoded(segment);
    if (name === null || !mayBeSent(name, names.length === 0)) return null;
    names.push(name);
  }
  return { name: names.join("/"), isFolder };
}

function decoded(segment: string): string | null {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function mayBeSent(name: string, isFirst: boolean): boolean {
  if (name === "" || name.length > NAME_BYTES_MAX || FORBIDDEN.test(name)) return false;
  return !name.startsWith(".") || (isFirst && name === ".well-known");
}

// oxlint-disable-next-line no-control-regex -- these are what no name may hold
const FORBIDDEN = /[\0-\x1f\x7f/\\]/;
