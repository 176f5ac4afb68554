import { Buffer } from "node:buffer";
import { read } from "node:fs";

/** Reads a file of `size` bytes. What comes back is shorter if the file has become shorter; null: it cannot be read. */
export async function readSmall(fd: number, size: number): Promise<Buffer | null> {
  const bytes = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  while (filled < size) {
    const count = await readSome(fd, bytes, filled);
    if (count < 0) return null;
    if (count === 0) return bytes.subarray(0, filled);
    filled += count;
  }
  return bytes;
}

function readSome(fd: number, into: Buffer, from: number): Promise<number> {
  return new Promise((resolve) => {
    read(fd, into, from, into.length - from, from, (error, count) => resolve(error === null ? count : -1));
  });
}
