/** Says whether an open file lies below a folder. */
import { readlink, realpath, stat } from "node:fs";
import type { Stats } from "node:fs";
import type { NoFile } from "../proxy/feature/file-store.ts";

export class RealPaths {
  /** Whether /proc names open files: on Linux, unless a container hides it. */
  private hasProc: boolean = true;

  /** Null: the file lies below the folder. */
  async leavesRoot(fd: number, file: string, root: string, stats: Stats): Promise<NoFile | null> {
    const [folder, place] = await Promise.all([realOf(root), this.placeOf(fd, file, stats)]);
    if (folder === null) return "missing";
    return place !== null && isBelow(place, folder) ? null : "refused";
  }

  /** What is to be said of a place that is not opened: `found`, or, if a link has led out of the folder, no more than that it is refused. */
  async unlessOutside(found: NoFile, file: string, root: string): Promise<NoFile> {
    const [folder, place] = await Promise.all([realOf(root), realOf(file)]);
    if (folder === null || place === null) return found;
    return place === folder || isBelow(place, folder) ? found : "refused";
  }

  /** Where the open file lies. Null: it cannot be said. */
  private async placeOf(fd: number, file: string, stats: Stats): Promise<string | null> {
    if (this.hasProc) {
      const place = await linkOf(`/proc/self/fd/${fd}`);
      if (place !== null) return place;
      this.hasProc = false;
    }
    // Without /proc: the path after all links, if the file there is the one that is open.
    const place = await realOf(file);
    const there = place === null ? null : await statOf(place);
    return there !== null && there.ino === stats.ino && there.dev === stats.dev ? place : null;
  }
}

function isBelow(place: string, folder: string): boolean {
  return place.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

function realOf(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    realpath.native(path, (error, real) => resolve(error === null ? real : null));
  });
}

function linkOf(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    readlink(path, (error, target) => resolve(error === null ? target : null));
  });
}

function statOf(path: string): Promise<Stats | null> {
  return new Promise((resolve) => {
    stat(path, (error, stats) => resolve(error === null ? stats : null));
  });
}
