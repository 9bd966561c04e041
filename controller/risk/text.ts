import { z } from 'zod';

/* How long texts in advisories may be: longer ones are made to fill a disk, not to be read. */

export const Name = z.string().min(1).max(500);
export const Version = z.string().min(1).max(500);
export const Summary = z.string().max(20_000);
export const Instant = z
  .string()
  .max(64)
  .refine(text => !Number.isNaN(Date.parse(text)), 'must be a time, as 2026-03-21T22:00:00Z')
  .transform(text => Date.parse(text));

/**
 * Publishers' words as scores of CVSS: the middle of what the word stands for there (first.org, "Qualitative Severity Rating
 * Scale"), with the words of Debian, Ubuntu and SUSE put to their like. Null for a word that says nothing of severity.
 */
export function wordScore(word: string): number | null {
  switch (word.toLowerCase()) {
    case 'critical':
      return 9.5;
    case 'high':
    case 'important':
      return 8;
    case 'medium':
    case 'moderate':
      return 5.5;
    case 'low':
      return 2.5;
    case 'negligible':
    case 'unimportant':
      return 0.5;
    default:
      return null;
  }
}
