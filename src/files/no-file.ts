import type { NoFile } from "../proxy/feature/file-store.ts";

/** What a failure of the system means to those who ask for a file. */
export function noFile({ code = "" }: NodeJS.ErrnoException): NoFile {
  return MEANINGS[code] ?? "failed";
}

const MEANINGS: Readonly<Record<string, NoFile>> = {
  ENOENT: "missing",
  ENOTDIR: "missing",
  // No file has a name that long.
  ENAMETOOLONG: "missing",
  EILSEQ: "missing",
  EINVAL: "missing",
  // A circle of links.
  ELOOP: "refused",
  // A socket, or a device without a driver.
  ENXIO: "refused",
  ENODEV: "refused",
  EACCES: "unreadable",
  EPERM: "unreadable",
  EMFILE: "busy",
  ENFILE: "busy",
  ENOMEM: "busy",
};
