/** The members of classes and interfaces, as a declaration file has them. */
import type { ClassElement, TSSignature } from "oxc-parser";
import { jsDocOf } from "./js-doc.ts";
import type { JsDoc } from "./js-doc.ts";
import type { Module } from "./module.ts";
import { callText, textOf } from "./source.ts";

export interface Member {
  /** As a declaration file has it: `readonly from?: string`. */
  readonly signature: string;
  readonly doc: JsDoc;
}

/** Whether whoever imports the type sees the member: it is not private and not marked `@internal`. */
export function isPublic(module: Module, member: ClassElement | TSSignature): boolean {
  if ("accessibility" in member && member.accessibility !== null && member.accessibility !== undefined && member.accessibility !== "public")
    return false;
  if ("key" in member && member.key.type === "PrivateIdentifier") return false;
  return member.type !== "StaticBlock" && !jsDocOf(module.commentAt(member.start)).isInternal;
}

/** A member of an interface or of a type that is written as one. */
export function typeMember(module: Module, member: TSSignature): Member {
  return { signature: textOf(module.text, member).replace(/;$/, ""), doc: jsDocOf(module.commentAt(member.start)) };
}

/** A member of a class: one, or none for a setter, which the getter stands for. */
export function classMember(module: Module, member: ClassElement): Member[] {
  const { text } = module;
  const doc = jsDocOf(module.commentAt(member.start));
  switch (member.type) {
    case "MethodDefinition":
    case "TSAbstractMethodDefinition": {
      const key = keyText(text, member);
      if (member.kind === "set") return [];
      if (member.kind === "get") return [{ signature: `readonly ${key}${textOf(text, member.value.returnType)}`, doc }];
      return [{ signature: `${key}${callText(text, member.value)}`, doc }];
    }
    case "PropertyDefinition":
    case "TSAbstractPropertyDefinition": {
      if (member.typeAnnotation === null || member.typeAnnotation === undefined)
        throw new Error(`${module.file}: the property ${keyText(text, member)} needs a written type`);
      const optional = member.optional === true ? "?" : "";
      return [
        {
          signature: `${member.readonly === true ? "readonly " : ""}${keyText(text, member)}${optional}${textOf(text, member.typeAnnotation)}`,
          doc,
        },
      ];
    }
    case "TSIndexSignature":
      return [{ signature: textOf(text, member), doc }];
    default:
      throw new Error(`${module.file}: a class member of a kind that scripts/api does not read: ${member.type}`);
  }
}

function keyText(
  text: string,
  { key, computed, static: isStatic }: { key: { start: number; end: number }; computed: boolean; static: boolean },
): string {
  const name = textOf(text, key);
  return `${isStatic ? "static " : ""}${computed ? `[${name}]` : name}`;
}
