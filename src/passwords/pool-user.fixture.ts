/** A thread that asks a pool and does nothing else. It ends by itself, unless the pool keeps it. */
import { Buffer } from "node:buffer";
import { parentPort, workerData } from "node:worker_threads";
import { PasswordPool } from "./password-pool.ts";

const { hash, password } = workerData as { readonly hash: string; readonly password: string };
parentPort?.postMessage(await new PasswordPool().verify(hash, Buffer.from(password)));
