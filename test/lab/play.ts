/* What a person finds on the desk of a lab to play with. */

/** With the service of the lab's own package, which is on no host before somebody installs it. */
export const playLandscape = (hosts: readonly string[]): string => `apiVersion: tidemark/v1
kind: Landscape
tiers: [app]
hosts:
${hosts.map(name => `  - {name: ${name}, application: lab, environment: lab}\n`).join('')}components:
${hosts.map(name => `  - {name: demo, host: ${name}, tier: app, kind: service, package: demo-svc, service: {provider: systemd, units: [demo-svc.service]}}\n`).join('')}`;

/** One host first; a failure stops the others. */
export const PLAY_POLICY = `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: lab, owner: lab}
spec:
  select: host.env == "lab"
  bundle: {name: demo}
  window: {duration: 2h, reserve: 5m, timezone: Europe/Berlin}
  tiers: {span: host, order: [{name: app}]}
  waves:
    - {name: first, pick: 1}
    - {name: rest, needs: [first], maxParallel: 10}
  budgets:
    - {when: run.failed >= 1, then: pause}
  steps: standard
`;
