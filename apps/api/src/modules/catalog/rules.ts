/** UTC midnight, as `date` columns come, to the day it stands for. */
export function plainDate(date: Date): string;
export function plainDate(date: Date | null): string | null;
export function plainDate(date: Date | null): string | null {
  return date?.toISOString().slice(0, 10) ?? null;
}
