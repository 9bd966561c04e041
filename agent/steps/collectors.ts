/** The parts that collect facts: loaded where facts are wanted, since most steps want none. */
export async function loadCollectors() {
  const { collectFacts } = await import('../inventory/collect.ts');
  const { lookAround } = await import('../inventory/look.ts');
  const { loadSealingKeys } = await import('../scan/sealing-key.ts');
  const { readSecretKeyStatement } = await import('../scan/secret-key.ts');
  return { collectFacts, lookAround, loadSealingKeys, readSecretKeyStatement };
}
