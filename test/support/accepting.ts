import type { ChildProcess } from "node:child_process";
import type { Buffer } from "node:buffer";
import net from "node:net";

/** Resolves once the port accepts a connection; rejects if the program that should listen there has ended. */
export async function accepting(port: number, child: ChildProcess): Promise<void> {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}: ${said}`);
    const socket = net.connect(port, "127.0.0.1");
    const isUp = await new Promise<boolean>((resolve) => {
      socket.on("connect", () => resolve(true));
      socket.on("error", () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
  }
}
