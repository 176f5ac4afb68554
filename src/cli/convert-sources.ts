/** The files that a configuration of another program includes. */
import fs from "node:fs";
import path from "node:path";
import { messageOf } from "../base/errors.ts";
import { unknownCiphers, unknownCurves } from "../certificates/openssl-lists.ts";
import type { SourceFile, Sources } from "../convert/model/sources.ts";
import { PathRegexes } from "../regex/path-regexes.ts";

/** Where programs are configured that include files by absolute paths. */
const CONFIG_FOLDERS = ["/etc/nginx", "/usr/local/nginx/conf", "/usr/local/etc/nginx", "/opt/nginx/conf", "/etc/caddy"];
/** No configuration is larger. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** @param main the file that is converted */
export async function sourcesFor(main: string): Promise<Sources> {
  const regexes = new PathRegexes();
  await regexes.load();
  return {
    read: (pattern, from) => includedFiles(pattern, from, main),
    patternProblem: (pattern) => {
      try {
        regexes.compile(pattern);
        return null;
      } catch (error) {
        return messageOf(error)
          .replace(/:? `[\s\S]*$/, "")
          .replace(/\s+/g, " ");
      }
    },
    unknownCiphers,
    unknownCurves,
    isFile: (name) => isFile(path.resolve(path.dirname(main), name)),
    text: (name) => readSource(path.resolve(path.dirname(main), name))?.text ?? null,
    matches: (pattern, text) => regexes.compile(pattern).holds(text),
  };
}

/**
 * A relative path is looked for in the folder of the main file, in that of the file that includes it, and in the two folders above: a file of
 * `conf.d` includes what lies beside `conf.d`. `/etc/nginx/conf.d/*.conf` is looked
 * for beside the main file, unless that is in `/etc/nginx` itself: what is on this machine belongs to another configuration.
 */
function includedFiles(pattern: string, from: string, main: string): readonly SourceFile[] {
  const folder = path.dirname(main);
  const known = CONFIG_FOLDERS.find((each) => pattern.startsWith(`${each}/`));
  const isAtHome = known !== undefined && path.resolve(main).startsWith(`${known}/`);
  const places = !path.isAbsolute(pattern)
    ? [folder, path.dirname(from), path.dirname(folder), path.dirname(path.dirname(folder))].map((each) => path.join(each, pattern))
    : known === undefined || isAtHome
      ? [pattern]
      : [path.join(folder, pattern.slice(known.length + 1))];
  for (const place of places) {
    const files = filesOf(place).flatMap((name) => readSource(name) ?? []);
    if (files.length > 0) return files;
  }
  return [];
}

function readSource(name: string): SourceFile | null {
  try {
    const { size } = fs.statSync(name);
    return size > FILE_BYTES_MAX ? null : { name, text: fs.readFileSync(name, "utf8") };
  } catch {
    return null;
  }
}

/** The files that a path with `*` and `?` stands for, by name. */
function filesOf(pattern: string): readonly string[] {
  const { root, dir, base } = path.parse(pattern);
  if (!/[*?[]/.test(pattern)) return isFile(pattern) ? [pattern] : [];
  const folders = /[*?[]/.test(dir) ? foldersOf(dir, root) : [dir];
  return folders.flatMap((folder) => entries(folder, base).filter(isFile));
}

function foldersOf(pattern: string, root: string): readonly string[] {
  const parts = pattern.slice(root.length).split(path.sep);
  return parts.reduce<readonly string[]>(
    (folders, part) => folders.flatMap((folder) => (/[*?[]/.test(part) ? entries(folder, part) : [path.join(folder, part)])),
    [root === "" ? "." : root],
  );
}

function entries(folder: string, pattern: string): readonly string[] {
  const matcher = new RegExp(
    `^${pattern
      .replace(/[.+^${}()|\\]/g, String.raw`\$&`)
      .replaceAll("*", "[^/]*")
      .replaceAll("?", "[^/]")}$`,
  );
  try {
    const names = fs.readdirSync(folder).filter((name) => matcher.test(name) && (pattern.startsWith(".") || !name.startsWith(".")));
    return names.sort().map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}

function isFile(name: string): boolean {
  return fs.statSync(name, { throwIfNoEntry: false })?.isFile() === true;
}
