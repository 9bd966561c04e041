import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import type { Bundle } from '@tidemark/controller/api/contract/releases.ts';
import { type ReactNode, useState } from 'react';
import { useMay } from '../api/session.ts';
import { useAsk, useDo } from '../api/use-ask.ts';
import { Asked, Command, Failure, Moment, Nothing, Screen, Section } from '../parts/parts.tsx';
import { Status } from '../parts/status.tsx';

/** Bundles on their way through the rings, and by what is on the servers where each has arrived. */
export function PromotionScreen(): ReactNode {
  const rings = useAsk('listRings', '/rings', {}, ['audit']);
  const bundles = useAsk('listBundles', '/bundles', {}, ['audit']);
  // Here and not with the bundle, which moves away while somebody still reads what it went without.
  const [promoting, setPromoting] = useState<{ bundle: Bundle; to: string } | null>(null);
  return (
    <Screen title="Promotion">
      <Asked query={rings} what="the rings">
        {({ rings: all }) => (
          <Asked query={bundles} what="the bundles">
            {({ bundles: known }) =>
              known.length === 0 ? (
                <Nothing
                  title="There is no bundle yet"
                  command="tidemark bundle create NAME --release PRODUCT@VERSION"
                />
              ) : (
                <>
                  <div className="tm-rings">
                    {all.map(({ name }, index) => (
                      <section key={name} className="tm-ring" aria-label={`Ring ${name}`}>
                        <h2>
                          {index + 1}. {name}
                        </h2>
                        {known
                          .filter(({ ring }) => ring === name)
                          .map(bundle => (
                            <Card key={bundle.name} bundle={bundle} onPromote={to => setPromoting({ bundle, to })} />
                          ))}
                      </section>
                    ))}
                  </div>
                  <Rollout />
                  {promoting ? <Promote {...promoting} onClose={() => setPromoting(null)} /> : null}
                </>
              )
            }
          </Asked>
        )}
      </Asked>
    </Screen>
  );
}

function Card({ bundle, onPromote }: { bundle: Bundle; onPromote: (to: string) => void }) {
  const { name, ringSince, releases, packages, held, withdrawn } = bundle;
  const outlook = useAsk('getBundleOutlook', '/bundles/:name/outlook', { params: { name } }, [
    'audit',
    'run:',
    'incidents',
  ]);
  const may = useMay('operator');
  return (
    <article className="tm-bundle" data-row={name}>
      <h3>{name}</h3>
      {withdrawn ? <Status of="withdrawn" text={`withdrawn by ${withdrawn.by}: ${withdrawn.reason}`} /> : null}
      {held ? <Status of="held" text={`held by ${held.by}: ${held.reason}`} /> : null}
      <p className="tm-small">
        {releases.length} releases, {packages.length} packages; here since <Moment at={ringSince} />
      </p>
      <Asked query={outlook} what={`the outlook of ${name}`}>
        {({ next }) =>
          next === null ? (
            <p className="tm-small">This is the last ring.</p>
          ) : (
            <>
              <p className="tm-small">to {next.ring}:</p>
              <ul className="tm-list">
                {next.needs.map(({ need, met, text }) => (
                  <li key={need}>
                    <Status of={met ? 'met' : 'unmet'} text={text} />
                  </li>
                ))}
              </ul>
              {withdrawn === null ? <Command text={`tidemark bundle promote ${name} --to ${next.ring}`} /> : null}
              {may && withdrawn === null && held === null ? (
                <Button size="sm" onClick={() => onPromote(next.ring)}>
                  Promote to {next.ring}
                </Button>
              ) : null}
            </>
          )
        }
      </Asked>
    </article>
  );
}

function Promote({
  bundle: { name, ring, releases, packages, digest },
  to,
  onClose,
}: {
  bundle: Bundle;
  to: string;
  onClose: () => void;
}) {
  const promote = useDo<'promoteBundle'>('POST', '/bundles/:name/promotions');
  const confirm = () => promote.mutate({ params: { name }, body: { to } });
  return (
    <Modal isOpen variant="medium" onClose={onClose} aria-labelledby="tm-promote">
      <ModalHeader title={`Promote ${name} from ${ring} to ${to}?`} labelId="tm-promote" />
      <ModalBody>
        <p>Policies that go by ring {to} take it from then on. With it move:</p>
        <ul className="tm-list">
          {releases.map(({ product, version }) => (
            <li key={product}>
              {product} {version}
            </li>
          ))}
          {packages.map(({ name: one, version, family }) => (
            <li key={`${family} ${one} ${version}`}>
              {one} {version} ({family})
            </li>
          ))}
        </ul>
        <p className="tm-digest">
          <code>{digest}</code>
        </p>
        {promote.data?.warnings.map(warning => (
          <p key={warning}>
            <Status of="silent" text={warning} />
          </p>
        ))}
        {promote.data ? <Status of="succeeded" text={`${name} is in ring ${promote.data.bundle.ring}`} /> : null}
        <Failure error={promote.error} what="It was not promoted" />
      </ModalBody>
      <ModalFooter>
        {promote.data ? null : (
          <Button onClick={confirm} isLoading={promote.isPending}>
            Promote
          </Button>
        )}
        <Button variant="link" onClick={onClose}>
          {promote.data ? 'Close' : 'Cancel'}
        </Button>
      </ModalFooter>
    </Modal>
  );
}

type State = 'deployed' | 'overtaken' | 'partly' | 'missing';
const WORDS: Readonly<Record<State, string>> = {
  deployed: 'whole',
  overtaken: 'newer',
  partly: 'in part',
  missing: 'not there',
};

function Rollout() {
  const query = useAsk('getRollout', '/rollout', { query: {} }, ['audit', 'run:']);
  return (
    <Section title="What is on the servers">
      <Asked query={query} what="which bundle is where">
        {({ bundles, cells, passedOver }) => {
          const groups = [...Map.groupBy(cells, ({ cluster, host }) => cluster ?? host)];
          return groups.length === 0 ? (
            <p className="tm-none">No server has anything of these bundles.</p>
          ) : (
            <>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
              <section className="tm-table-frame" tabIndex={0} aria-label="Rollout">
                <table className="tm-table">
                  <thead>
                    <tr>
                      <th scope="col">Cluster or host</th>
                      {bundles.map(({ name, ring }) => (
                        <th key={name} scope="col">
                          {name} ({ring})
                        </th>
                      ))}
                    </tr>
                  </thead>
                  <tbody>
                    {groups.map(([group, members]) => (
                      <tr key={group}>
                        <th scope="row">{group}</th>
                        {bundles.map(({ name }) => (
                          <td key={name}>{countsOf(members.filter(({ bundle }) => bundle === name))}</td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </section>
              <ul className="tm-list">
                {passedOver.map(({ host, bundle, newer, lacks }) => (
                  <li key={`${host} ${bundle}`}>
                    <Status of="silent" text={`${host} has ${newer} and lacks ${lacks.join(', ')} of ${bundle}`} />
                  </li>
                ))}
              </ul>
            </>
          );
        }}
      </Asked>
    </Section>
  );
}

const countsOf = (cells: readonly { state: State }[]): string =>
  (Object.keys(WORDS) as State[])
    .map(state => [cells.filter(cell => cell.state === state).length, WORDS[state]] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ') || '–';
