/** The names that an entry of the package exports, with their declarations. */
import { declarationOf } from "./declaration.ts";
import type { Declaration } from "./declaration.ts";
import type { Module, Modules, Origin } from "./module.ts";

export interface Exported extends Declaration {
  readonly name: string;
  /** Where it is declared. */
  readonly file: string;
  /** Identifies the declaration among all modules. */
  readonly key: string;
  /** What the signatures refer to within src/: the keys of these declarations, by the names that are used. */
  readonly uses: ReadonlyMap<string, string>;
  /** Exported by `export type`: it cannot be called or constructed. */
  readonly isType: boolean;
}

/** @param entry path of the module within the checkout */
export function exportsOf(modules: Modules, entry: string): readonly Exported[] {
  return [...namesOf(modules, entry)].map(([name, origin]) => {
    const { module, declared } = declaringModule(modules, origin);
    const declaration = declarationOf(module, declared);
    const uses = new Map<string, string>();
    for (const used of declaration.references) {
      const from = module.originOf(used);
      if (from === null || from.file === null) continue;
      const there = declaringModule(modules, from);
      uses.set(used, keyOf(there.module, there.declared));
    }
    return { ...declaration, name, file: module.file, key: keyOf(module, declared), isType: origin.isType, uses };
  });
}

function keyOf({ file }: Module, name: string): string {
  return `${file}#${name}`;
}

/** All names that a module exports, those of `export *` included. */
function namesOf(modules: Modules, file: string): Map<string, Origin> {
  const module = modules.of(file);
  const names = new Map(module.exported);
  for (const whole of module.wholes) for (const [name, origin] of namesOf(modules, whole)) if (!names.has(name)) names.set(name, origin);
  return names;
}

/** The module that declares what others only pass on. */
function declaringModule(modules: Modules, { file, name }: Origin): { readonly module: Module; readonly declared: string } {
  if (file === null) throw new Error(`${name} comes from another package`);
  const module = modules.of(file);
  if (module.declared.has(name)) return { module, declared: name };
  const from = namesOf(modules, file).get(name) ?? module.originOf(name);
  if (from === null || from === undefined) throw new Error(`${file} has no ${name}`);
  return declaringModule(modules, from);
}
