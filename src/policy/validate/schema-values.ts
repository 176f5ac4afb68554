/** Reads the values of keywords: what is of the wrong kind is as if it were not there. */
import { isJsonObject } from "../../base/json-text.ts";

export function mapOf<T>(value: unknown, made: (each: unknown) => T): Map<string, T> {
  return new Map(isJsonObject(value) ? Object.entries(value).map(([name, each]) => [name, made(each)]) : []);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function namesIn(value: unknown): readonly string[] {
  return listOf(value).filter((each) => typeof each === "string");
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" && !Number.isNaN(value) ? value : null;
}

export function countOf(value: unknown): number | null {
  return numberOf(value);
}
