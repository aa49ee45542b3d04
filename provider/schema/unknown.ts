/**
 * What Pulumi puts in place of a value that is not known before the update, at any depth. The SDK calls it
 * `unknownValue` (sdk/nodejs/runtime/rpc.ts); it is part of the engine's protocol.
 */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function isUnknown(value: unknown): boolean {
  if (value === unknownValue) return true;
  if (Array.isArray(value)) return value.some(isUnknown);
  return typeof value === "object" && value !== null && Object.values(value).some(isUnknown);
}
