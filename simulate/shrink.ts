import type { Plan } from "./plan.ts";
import { World } from "./world.ts";
import type { Violation } from "./world.ts";

export interface Shrunk {
  readonly plan: Plan;
  readonly violation: Violation;
}

/** Shortens a plan that fails, by leaving out clients, events and requests. The result still fails, perhaps in another way. */
export async function shrink(plan: Plan, violation: Violation): Promise<Shrunk> {
  return await shrinkWith(async (shorter) => (await new World(shorter).run()).violation, plan, violation);
}

/** As `shrink`; `violationOf` decides whether a shorter plan fails. */
export async function shrinkWith(
  violationOf: (shorter: Plan) => Promise<Violation | null>,
  plan: Plan,
  violation: Violation,
): Promise<Shrunk> {
  let best: Shrunk = { plan, violation };
  const tryOut = async (shorter: Plan): Promise<boolean> => {
    const found = await violationOf(shorter);
    if (found !== null) best = { plan: shorter, violation: found };
    return found !== null;
  };
  for (let before = Infinity; sizeOf(best.plan) < before;) {
    before = sizeOf(best.plan);
    await without(
      () => best.plan.clients,
      (clients) => tryOut({ ...best.plan, clients }),
    );
    await without(
      () => best.plan.events,
      (events) => tryOut({ ...best.plan, events }),
    );
    for (let index = 0; index < best.plan.clients.length; index++) {
      await without(
        () => best.plan.clients[index]?.requests ?? [],
        (requests) => tryOut({ ...best.plan, clients: best.plan.clients.map((each, at) => (at === index ? { ...each, requests } : each)) }),
      );
    }
  }
  return best;
}

/** Leaves out halves, quarters, down to single elements of the list, as long as the plan still fails. */
async function without<T>(list: () => readonly T[], fails: (shorter: readonly T[]) => Promise<boolean>): Promise<void> {
  for (let count = Math.ceil(list().length / 2); count >= 1; count = Math.floor(count / 2)) {
    for (let at = 0; at < list().length;) {
      if (list().length === 0 || !(await fails(list().toSpliced(at, count)))) at += count;
    }
  }
}

function sizeOf({ clients, events }: Plan): number {
  return clients.reduce((sum, { requests }) => sum + 1 + requests.length, events.length);
}
