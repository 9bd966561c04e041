/** What an agent found on its server, and when (milliseconds since the epoch). */
export interface HostFacts {
  facts: Record<string, unknown>;
  observedAt: number;
}
