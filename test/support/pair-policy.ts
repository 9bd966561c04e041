/** A pair of which one member is active, as policies of the demo and of labs describe it: an entry of `clusters`. */
export const pairCluster = (pair: {
  name: string;
  when: string;
  activeWhen: string;
  /** Knows `handover` and `is-standby`. */
  script: string;
  timeout: string;
}): string => `    - name: ${pair.name}
      when: ${pair.when}
      order: inactive-first
      activeWhen: ${pair.activeWhen}
      handover:
        uses: cluster/handover
        with:
          command: [${pair.script}, handover]
          confirm: [${pair.script}, is-standby]
        timeout: ${pair.timeout}
      onFailure: hold-cluster`;

/** The pair of the shop in the demo and in the lab. */
export const ordersPair = (script: string): string =>
  pairCluster({
    name: 'ordersdb',
    when: 'host.cluster == "ordersdb"',
    activeWhen: 'facts.ordersdb.role == "active"',
    script,
    timeout: '1m',
  });

/** Of the shop: those that show first whether the patch is any good. */
export const FIRST_OF_SHOP = `'host.name in ["web02", "app02"] || host.clusterRole == "standby"'`;
