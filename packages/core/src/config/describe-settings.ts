import { z } from 'zod';
import { settingNotes } from './settings.ts';

export interface SettingDescription {
  readonly name: string;
  readonly default: string;
  readonly description: string;
}

/** What docs/configuration.md is generated from: one entry for each key of `schema`, in its order. */
export function describeSettings(schema: z.ZodObject): SettingDescription[] {
  return Object.entries(schema.shape).map(([name, setting]) => {
    const notes = findNotes(setting);
    if (notes === undefined) throw new Error(`${name} has no description: define it in settings.ts`);
    return { name, ...notes };
  });
}

/** A service may have made a required setting optional, which wraps it. */
function findNotes(setting: z.core.$ZodType): { description: string; default: string } | undefined {
  const notes = settingNotes.get(setting as z.ZodType);
  if (notes !== undefined) return notes;
  if (setting instanceof z.ZodOptional || setting instanceof z.ZodPrefault || setting instanceof z.ZodDefault)
    return findNotes(setting.def.innerType);
  return undefined;
}
