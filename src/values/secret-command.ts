/** The schema of a program that prints a secret; it may stand wherever a secret may. */
import { z } from "zod";
import { WAIT, duration } from "./scalars.ts";

/** Shorter times would only run the program all the time. */
const RENEW = { min: 1000, max: WAIT.max };
/** More would make a start wait for minutes. */
const TIMEOUT = { min: WAIT.min, max: 300_000 };

export const secretCommandSchema = z.strictObject({
  exec: z.array(z.string().min(1)).min(1, { error: "expected a program and its arguments" }).meta({
    title: "list of texts",
    description:
      "A program that prints the secret as its only line, and its arguments; no shell is between. Programs run when a configuration is loaded, each once however many secrets name it. A path that begins with `./` is relative to the folder of the file that says it. Never write a secret into an argument: every user of the machine can see it.",
  }),
  renew: duration(RENEW).prefault("5m").meta({
    description: "Time after which the program runs again. When it fails, the old value stays in use, and the log says so once.",
  }),
  timeout: duration(TIMEOUT).prefault("10s").meta({ description: "Time that the program may take; then it is killed, and has failed." }),
});

/** A program in the place of a secret, as people write it. */
export type WrittenSecretCommand = z.input<typeof secretCommandSchema>;
